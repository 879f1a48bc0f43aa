import type { common as en } from '../en/common.ts'

export const common: typeof en = {
  skipToContent: 'Aller au contenu',
  backToLogin: 'Retour à la connexion',
  showPassword: 'Afficher',
  hidePassword: 'Masquer',
  logOut: 'Se déconnecter',
  somethingWrong: 'Cela n’a pas fonctionné',
  notFound: 'Il n’y a rien ici',
  notFoundText: 'La page a peut-être été déplacée, ou l’adresse contient une faute de frappe.',
  requestId: (id) => `Si vous demandez de l’aide, indiquez ce numéro : ${id}`,
}
