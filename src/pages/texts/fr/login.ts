import type {
  forgot as enForgot,
  keptMails as enKeptMails,
  login as enLogin,
  loginCode as enLoginCode,
  notices as enNotices,
  register as enRegister,
  verifyAgain as enVerifyAgain,
} from '../en/login.ts'

export const login: typeof enLogin = {
  title: 'Connexion',
  email: 'Adresse e-mail',
  password: 'Mot de passe',
  button: 'Se connecter',
  forgot: 'Mot de passe oublié ?',
  or: 'ou',
  codeInstead: 'Recevoir un code par e‑mail',
  noAccount: 'Pas encore de compte ?',
  register: 'Créer un compte',
  refused: 'L’adresse e-mail ou le mot de passe est incorrect.',
}

export const loginCode: typeof enLoginCode = {
  title: 'Connexion par code',
  about: 'Nous vous envoyons un code par e-mail. Aucun mot de passe n’est nécessaire.',
  button: 'Recevoir un code',
  sentTitle: 'Consultez vos e-mails',
  sent: (email) => `Si un compte existe pour ${email}, un code est en route. Il est valable 10 minutes.`,
  code: 'Code',
  logIn: 'Se connecter',
  again: 'Envoyer un nouveau code',
  refused: 'Le code est incorrect, a expiré ou a déjà servi.',
}

export const register: typeof enRegister = {
  title: 'Créer un compte',
  email: 'Adresse e-mail',
  password: 'Mot de passe',
  minLength: (count) => `${count > 1 ? `Au moins ${count} caractères. ` : ''}Une phrase se retient facilement.`,
  button: 'Créer mon compte',
  haveAccount: 'Vous avez déjà un compte ?',
  logIn: 'Se connecter',
  closed: 'Il n’est pas possible de créer un compte ici. Adressez-vous aux responsables de ce service.',
}

export const forgot: typeof enForgot = {
  title: 'Mot de passe oublié ?',
  about: 'Saisissez votre adresse : nous vous enverrons un lien pour en choisir un nouveau.',
  email: 'Adresse e-mail',
  button: 'Recevoir un lien',
}

export const verifyAgain: typeof enVerifyAgain = {
  title: 'Vérifiez votre adresse',
  about:
    'Suivez le lien de l’e-mail que nous vous avons envoyé. S’il n’est pas arrivé, regardez dans les courriers indésirables ou demandez un nouvel envoi.',
  email: 'Adresse e-mail',
  button: 'Renvoyer l’e-mail',
}

export const notices: typeof enNotices = {
  logged_out: 'La déconnexion est faite.',
  login_expired: 'Cette connexion a pris trop de temps, ou est déjà terminée. Reconnectez-vous.',
  account_deleted: 'Votre compte est supprimé.',
  registered: 'Votre compte est créé. Connectez-vous.',
  check_mail: 'C’est presque fini : suivez le lien que nous vous avons envoyé par e-mail.',
  reset_mailed: 'Si un compte existe pour cette adresse, un e-mail contenant un lien est en route.',
  verification_mailed: 'Si cette adresse attend d’être vérifiée, un e-mail contenant un lien est en route.',
}

export const keptMails: typeof enKeptMails = {
  about: 'Ceci est un essai : les e-mails ne sont pas envoyés, mais conservés dans la',
  link: 'boîte aux lettres',
}
