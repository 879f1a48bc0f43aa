import type { MessageText, Service } from '../layout.ts'

export function accountDeleted(service: Service): MessageText {
  return {
    subject: `Your account at ${service.name} is deleted`,
    parts: [
      `Your account at ${service.name} was deleted, with everything that belonged to it. This is the last mail about it.`,
      `If it was not you, write to the people who run ${service.name}: what was deleted cannot be brought back here, but they should know.`,
    ],
  }
}
