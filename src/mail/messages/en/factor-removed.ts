import type { MessageOf } from '../../message.ts'
import type { MessageText, Service } from '../layout.ts'
import { FACTOR_NAMES } from './factor-added.ts'

export function factorRemoved(service: Service, { factor }: MessageOf<'factor_removed'>): MessageText {
  return {
    subject: `A way to log in to ${service.name} was removed`,
    parts: [
      `From your account at ${service.name}, ${FACTOR_NAMES[factor]} was removed. It no longer protects your account.`,
      `If it was not you, ask for a new password at ${service.url} now, which logs out whoever is logged in, then add it again.`,
    ],
  }
}
