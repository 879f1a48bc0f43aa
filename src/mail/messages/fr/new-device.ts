import type { MessageOf } from '../../message.ts'
import { type MessageText, type Service, timeText } from '../layout.ts'

export function newDevice(service: Service, { userAgent, address, at }: MessageOf<'new_device'>): MessageText {
  return {
    subject: `Un nouvel appareil s’est connecté à ${service.name}`,
    parts: [
      `Quelqu’un s’est connecté à votre compte sur ${service.name} depuis un appareil qui ne l’avait encore jamais fait.`,
      `Date : ${timeText(service, at)}`,
      `Appareil : ${userAgent ?? 'inconnu'}`,
      `Adresse IP : ${address ?? 'inconnue'}`,
      `Si c’était vous, vous n’avez rien à faire. Sinon, demandez sans attendre un nouveau mot de passe sur ${service.url} : cela déconnecte toute personne connectée.`,
    ],
  }
}
