import type { MessageOf } from '../../message.ts'
import type { MessageText, Service } from '../layout.ts'

export function recoveryCodeUsed(service: Service, { remaining }: MessageOf<'recovery_code_used'>): MessageText {
  return {
    subject: `Un code de récupération pour ${service.name} a été utilisé`,
    parts: [
      `Quelqu’un s’est connecté à votre compte sur ${service.name} avec un code de récupération à la place de votre second facteur. ${leftText(remaining)}`,
      'Si c’était vous et que votre application d’authentification ou votre clé d’accès est perdue, retirez-la de votre compte et ajoutez-en une autre.',
      `Si ce n’était pas vous, demandez sans attendre un nouveau mot de passe sur ${service.url}, ce qui déconnecte toute personne connectée, puis créez de nouveaux codes de récupération.`,
    ],
  }
}

function leftText(remaining: number): string {
  if (remaining === 0) return 'Il ne reste aucun code de récupération.'
  return remaining === 1 ? 'Il reste un code de récupération.' : `Il reste ${remaining} codes de récupération.`
}
