import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function addressChangeRequested(service: Service, { token, newAddress }: MessageOf<'address_change_requested'>): MessageText {
  return {
    subject: `Confirmez le changement de votre adresse sur ${service.name}`,
    parts: [
      `Quelqu’un, vous sans doute, souhaite remplacer l’adresse de votre compte sur ${service.name} par ${newAddress}. Rien ne change tant que vous ne l’avez pas confirmé ici aussi.`,
      link(service, '/account/email', token, 'Confirmer le changement'),
      once(service),
      'Sans navigateur, envoyez ce jeton par PUT à /account/email :',
      { copy: token },
      `Si ce n’était pas vous, ne confirmez pas. Quelqu’un est connecté avec votre compte : demandez un nouveau mot de passe sur ${service.url}, ce qui déconnecte tout le monde.`,
    ],
  }
}
