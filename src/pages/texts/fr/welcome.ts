import type { mailbox as enMailbox, welcome as enWelcome } from '../en/welcome.ts'

export const welcome: typeof enWelcome = {
  running: 'Le service d’authentification fonctionne.',
  logIn: 'Se connecter',
  register: 'Créer un compte',
  tryIt: 'Essayer',
  reference: 'Toutes les routes, avec leurs champs et leurs réponses :',
  referenceLink: 'référence de l’API (en anglais)',
  mailbox: 'Les e-mails qui auraient été envoyés :',
  mailboxLink: 'boîte aux lettres',
}

export const mailbox: typeof enMailbox = {
  title: 'Boîte aux lettres',
  about: (name) =>
    `Ce que ${name} aurait envoyé ces dernières 24 heures, du plus récent au plus ancien. En mode classic, rien ne quitte cette machine.`,
  empty: 'Aucun e-mail pour l’instant.',
  to: (address, at) => `À ${address}, ${at},`,
  htmlPart: 'Partie HTML',
}
