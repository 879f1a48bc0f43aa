import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function addressChanged(service: Service, { undoToken, newAddress }: MessageOf<'address_changed'>): MessageText {
  return {
    subject: `Votre adresse sur ${service.name} a changé`,
    parts: [
      `L’adresse de votre compte sur ${service.name} est désormais ${newAddress}. C’est là que nous vous écrirons.`,
      'Si ce n’était pas vous, annulez ce changement sans attendre, puis choisissez un nouveau mot de passe :',
      link(service, '/account/email/undo', undoToken, 'Ce n’était pas moi, annuler le changement'),
      once(service),
      'Sans navigateur, envoyez ce jeton par PUT à /account/email :',
      { copy: undoToken },
    ],
  }
}
