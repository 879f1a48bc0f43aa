import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function confirmNewAddress(service: Service, { token, newAddress }: MessageOf<'confirm_new_address'>): MessageText {
  return {
    subject: `Confirm your new address for ${service.name}`,
    parts: [
      `Somebody, we hope you, wants to use ${newAddress} for an account at ${service.name}. Confirm that it is yours. The address used so far must confirm the change too.`,
      link(service, '/account/email', token, 'Confirm this address'),
      once(service),
      'Without a browser, send this token by PUT to /account/email:',
      { copy: token },
      'If it was not you, do nothing: without your confirmation nothing changes.',
    ],
  }
}
