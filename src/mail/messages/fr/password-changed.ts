import type { MessageText, Service } from '../layout.ts'

export function passwordChanged(service: Service): MessageText {
  return {
    subject: `Votre mot de passe sur ${service.name} a changé`,
    parts: [
      `Le mot de passe de votre compte sur ${service.name} vient d’être changé. Toutes les autres sessions sont fermées.`,
      `Si ce n’était pas vous, demandez sans attendre un nouveau mot de passe sur ${service.url}. Le lien pour le choisir arrivera à cette adresse, et toute personne connectée sera déconnectée.`,
    ],
  }
}
