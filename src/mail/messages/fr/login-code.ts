import type { MessageOf } from '../../message.ts'
import { link, type MessageText, once, type Service } from '../layout.ts'

export function loginCode(service: Service, { code, token }: MessageOf<'login_code'>): MessageText {
  return {
    subject: `Connectez-vous à ${service.name}`,
    parts: [
      `Voici le code qui vous permet de vous connecter à ${service.name} :`,
      { copy: code },
      link(service, '/login', token, 'Ou connectez-vous avec ce lien'),
      once(service),
      'Sans navigateur, envoyez votre adresse et le code par POST à /sessions, ou ce jeton seul :',
      { copy: token },
      'Si vous ne l’avez pas demandé, vous n’avez rien à faire. Ne donnez ce code à personne : nous ne le demandons jamais, ni par téléphone ni par message.',
    ],
  }
}
