import type { MessageText, Service } from '../layout.ts'

export function passwordChanged(service: Service): MessageText {
  return {
    subject: `Your password at ${service.name} has changed`,
    parts: [
      `The password of your account at ${service.name} has just been changed. Every other session has ended.`,
      `If it was not you, ask for a new password at ${service.url} now. It goes to this address, and logs out whoever is logged in.`,
    ],
  }
}
