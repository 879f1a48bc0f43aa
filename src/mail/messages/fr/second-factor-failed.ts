import type { MessageOf } from '../../message.ts'
import { type MessageText, type Service, timeText } from '../layout.ts'

export function secondFactorFailed(service: Service, { userAgent, address, at }: MessageOf<'second_factor_failed'>): MessageText {
  return {
    subject: `Quelqu’un connaît peut-être votre mot de passe sur ${service.name}`,
    parts: [
      `Quelqu’un a commencé à se connecter à votre compte sur ${service.name} avec le bon mot de passe, puis a donné un second facteur erroné. L’accès lui a été refusé.`,
      `Date : ${timeText(service, at)}`,
      `Appareil : ${userAgent ?? 'inconnu'}`,
      `Adresse IP : ${address ?? 'inconnue'}`,
      `Si c’était vous, vous n’avez rien à faire. Sinon, quelqu’un d’autre connaît votre mot de passe : choisissez-en un autre sans attendre sur ${service.url}.`,
    ],
  }
}
