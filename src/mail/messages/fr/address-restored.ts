import type { MessageText, Service } from '../layout.ts'

export function addressRestored(service: Service): MessageText {
  return {
    subject: `Cette adresse n’a plus de compte sur ${service.name}`,
    parts: [
      `Le compte sur ${service.name} qui utilisait cette adresse a été repris depuis son adresse précédente. Toutes les sessions sont fermées, et le mot de passe n’est plus valable.`,
      `Si ce n’est pas vous qui aviez donné cette adresse à ce compte, vous n’avez rien à faire. Si c’est vous, écrivez aux personnes qui gèrent ${service.name}.`,
    ],
  }
}
