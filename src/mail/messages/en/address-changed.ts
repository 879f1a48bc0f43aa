import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function addressChanged(service: Service, { undoToken, newAddress }: MessageOf<'address_changed'>): MessageText {
  return {
    subject: `Your address at ${service.name} has changed`,
    parts: [
      `The address of your account at ${service.name} is now ${newAddress}. Mails go there from now on.`,
      'If it was not you, take the change back at once, then choose a new password:',
      link(service, '/account/email/undo', undoToken, 'This was not me: take it back'),
      once(service),
      'Without a browser, send this token by PUT to /account/email:',
      { copy: undoToken },
    ],
  }
}
