import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function addressChangeRequested(service: Service, { token, newAddress }: MessageOf<'address_change_requested'>): MessageText {
  return {
    subject: `Confirm the change of your address at ${service.name}`,
    parts: [
      `Somebody, we hope you, wants to change the address of your account at ${service.name} to ${newAddress}. Nothing changes until you have confirmed it here too.`,
      link(service, '/account/email', token, 'Confirm the change'),
      once(service),
      'Without a browser, send this token by PUT to /account/email:',
      { copy: token },
      `If it was not you, do not confirm it. Somebody is logged in with your account: ask for a new password at ${service.url}, which logs everybody out.`,
    ],
  }
}
