import type { MessageOf } from '../../message.ts'
import type { MessageText, Service } from '../layout.ts'

export function recoveryCodeUsed(service: Service, { remaining }: MessageOf<'recovery_code_used'>): MessageText {
  return {
    subject: `A recovery code for ${service.name} was used`,
    parts: [
      `Somebody logged in to your account at ${service.name} with a recovery code in place of your second factor. ${leftText(remaining)}`,
      'If it was you and your authenticator app or passkey is lost, remove it from your account and add another.',
      `If it was not you, ask for a new password at ${service.url} now, which logs out whoever is logged in, then make new recovery codes.`,
    ],
  }
}

function leftText(remaining: number): string {
  if (remaining === 0) return 'No recovery code is left.'
  return remaining === 1 ? 'One recovery code is left.' : `${remaining} recovery codes are left.`
}
