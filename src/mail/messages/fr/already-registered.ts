import type { MessageText, Service } from '../layout.ts'

export function alreadyRegistered(service: Service): MessageText {
  return {
    subject: `Vous avez déjà un compte sur ${service.name}`,
    parts: [
      `Quelqu’un, peut-être vous, a voulu créer un compte sur ${service.name} avec cette adresse. Vous en avez déjà un, et il n’a pas été modifié.`,
      `Connectez-vous sur ${service.url}. Si vous avez oublié votre mot de passe, vous pouvez y en demander un nouveau.`,
      'Si ce n’était pas vous, vous n’avez rien à faire : la personne qui a essayé ne sait pas pour autant que vous avez un compte.',
    ],
  }
}
