import type { Factor, MessageOf } from '../../message.ts'
import type { MessageText, Service } from '../layout.ts'

/** How people know the second factors. */
export const FACTOR_NAMES: Readonly<Record<Factor, string>> = {
  totp: 'an authenticator app',
  passkey: 'a passkey',
  recovery_codes: 'a set of recovery codes',
}

export function factorAdded(service: Service, { factor }: MessageOf<'factor_added'>): MessageText {
  return {
    subject: `A way to log in to ${service.name} was added`,
    parts: [
      `To your account at ${service.name}, ${FACTOR_NAMES[factor]} was added. From now on it proves that you are you.`,
      `If it was not you, ask for a new password at ${service.url} now, which logs out whoever is logged in, then remove what you did not add.`,
    ],
  }
}
