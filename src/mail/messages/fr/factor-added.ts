import type { Factor, MessageOf } from '../../message.ts'
import type { MessageText, Service } from '../layout.ts'

/** How people know the second factors. The sentences agree with none of them in gender. */
export const FACTOR_NAMES: Readonly<Record<Factor, string>> = {
  totp: 'une application d’authentification',
  passkey: 'une clé d’accès (passkey)',
  recovery_codes: 'un jeu de codes de récupération',
}

export function factorAdded(service: Service, { factor }: MessageOf<'factor_added'>): MessageText {
  return {
    subject: `Un moyen de vous connecter à ${service.name} a été ajouté`,
    parts: [
      `Un moyen de prouver que c’est bien vous a été ajouté à votre compte sur ${service.name} : ${FACTOR_NAMES[factor]}.`,
      `Si ce n’était pas vous, demandez sans attendre un nouveau mot de passe sur ${service.url}, ce qui déconnecte toute personne connectée, puis retirez ce que vous n’avez pas ajouté.`,
    ],
  }
}
