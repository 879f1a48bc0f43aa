import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function resetPassword(service: Service, { token }: MessageOf<'reset_password'>): MessageText {
  return {
    subject: `Choose a new password for ${service.name}`,
    parts: [
      `Somebody, we hope you, asked for a new password at ${service.name}.`,
      link(service, '/reset', token, 'Choose a new password'),
      `${once(service)} Whoever is logged in with your account is then logged out everywhere.`,
      'Without a browser, send this as reset_token by PUT to /reset_password:',
      { copy: token },
      'If it was not you, do nothing: your password stays as it is. Show this mail to nobody.',
    ],
  }
}
