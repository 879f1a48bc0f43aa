import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function verifyAddress(service: Service, { token }: MessageOf<'verify_address'>): MessageText {
  return {
    subject: `Confirm your address for ${service.name}`,
    parts: [
      `Somebody, we hope you, opened an account at ${service.name} with this address. Confirm that it is yours, with the password that you chose.`,
      link(service, '/verify', token, 'Confirm this address'),
      once(service),
      'Without a browser, send this token with your password by PUT to /email_verification:',
      { copy: token },
      'If it was not you, do nothing: without your confirmation there is no account.',
    ],
  }
}
