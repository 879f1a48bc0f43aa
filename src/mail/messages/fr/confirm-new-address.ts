import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function confirmNewAddress(service: Service, { token, newAddress }: MessageOf<'confirm_new_address'>): MessageText {
  return {
    subject: `Confirmez votre nouvelle adresse pour ${service.name}`,
    parts: [
      `Quelqu’un, vous sans doute, souhaite utiliser ${newAddress} pour un compte sur ${service.name}. Confirmez que cette adresse est bien la vôtre. L’adresse utilisée jusqu’ici doit elle aussi confirmer le changement.`,
      link(service, '/account/email', token, 'Confirmer cette adresse'),
      once(service),
      'Sans navigateur, envoyez ce jeton par PUT à /account/email :',
      { copy: token },
      'Si ce n’était pas vous, vous n’avez rien à faire : sans votre confirmation, rien ne change.',
    ],
  }
}
