import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function resetPassword(service: Service, { token }: MessageOf<'reset_password'>): MessageText {
  return {
    subject: `Choisissez un nouveau mot de passe pour ${service.name}`,
    parts: [
      `Quelqu’un, vous sans doute, a demandé un nouveau mot de passe sur ${service.name}.`,
      link(service, '/reset', token, 'Choisir un nouveau mot de passe'),
      `${once(service)} Toutes les sessions ouvertes avec votre compte seront alors fermées.`,
      'Sans navigateur, envoyez cette valeur comme reset_token par PUT à /reset_password :',
      { copy: token },
      'Si ce n’était pas vous, vous n’avez rien à faire : votre mot de passe reste le même. Ne montrez ce message à personne.',
    ],
  }
}
