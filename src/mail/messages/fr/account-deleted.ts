import type { MessageText, Service } from '../layout.ts'

export function accountDeleted(service: Service): MessageText {
  return {
    subject: `Votre compte sur ${service.name} est supprimé`,
    parts: [
      `Votre compte sur ${service.name} a été supprimé, avec tout ce qui s’y rattachait. Ce message est le dernier à son sujet.`,
      `Si ce n’était pas vous, écrivez aux personnes qui gèrent ${service.name} : rien de ce qui a été supprimé ne peut être rétabli ici, mais il est important qu’elles le sachent.`,
    ],
  }
}
