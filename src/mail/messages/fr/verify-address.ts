import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function verifyAddress(service: Service, { token }: MessageOf<'verify_address'>): MessageText {
  return {
    subject: `Confirmez votre adresse pour ${service.name}`,
    parts: [
      `Quelqu’un, vous sans doute, a créé un compte sur ${service.name} avec cette adresse. Confirmez qu’elle est bien la vôtre, avec le mot de passe que vous avez choisi.`,
      link(service, '/verify', token, 'Confirmer cette adresse'),
      once(service),
      'Sans navigateur, envoyez ce jeton avec votre mot de passe par PUT à /email_verification :',
      { copy: token },
      'Si ce n’était pas vous, vous n’avez rien à faire : sans votre confirmation, il n’y a pas de compte.',
    ],
  }
}
