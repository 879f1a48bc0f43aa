import type { MessageOf } from '../../message.ts'
import type { MessageText, Service } from '../layout.ts'
import { FACTOR_NAMES } from './factor-added.ts'

export function factorRemoved(service: Service, { factor }: MessageOf<'factor_removed'>): MessageText {
  return {
    subject: `Un moyen de vous connecter à ${service.name} a été retiré`,
    parts: [
      `Un moyen de prouver que c’est bien vous a été retiré de votre compte sur ${service.name}, et ne le protège plus : ${FACTOR_NAMES[factor]}.`,
      `Si ce n’était pas vous, demandez sans attendre un nouveau mot de passe sur ${service.url}, ce qui déconnecte toute personne connectée, puis ajoutez-le de nouveau.`,
    ],
  }
}
