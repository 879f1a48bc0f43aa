import type { MessageText, Service } from '../layout.ts'

export function alreadyRegistered(service: Service): MessageText {
  return {
    subject: `You already have an account at ${service.name}`,
    parts: [
      `Somebody, perhaps you, tried to open an account at ${service.name} with this address. You have one already, and nothing of it has changed.`,
      `Log in at ${service.url}. If you have forgotten your password, ask there for a new one.`,
      'If it was not you, do nothing: whoever tried was not told that you have an account.',
    ],
  }
}
