import type { MessageOf } from '../../message.ts'
import { type MessageText, type Service, timeText } from '../layout.ts'

export function manyFailures(service: Service, { failures, userAgent, address, at }: MessageOf<'many_failures'>): MessageText {
  return {
    subject: `Connexion à ${service.name} après de nombreux échecs`,
    parts: [
      `Quelqu’un s’est connecté à votre compte sur ${service.name}, après ${failures} tentatives infructueuses.`,
      `Date : ${timeText(service, at)}`,
      `Appareil : ${userAgent ?? 'inconnu'}`,
      `Adresse IP : ${address ?? 'inconnue'}`,
      `Si c’était vous, vous n’avez rien à faire. Sinon, demandez sans attendre un nouveau mot de passe sur ${service.url} : cela déconnecte toute personne connectée.`,
    ],
  }
}
