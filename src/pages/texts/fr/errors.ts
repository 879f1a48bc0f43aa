import type { errors as enErrors, fieldErrors as enFieldErrors, passwordReasons as enReasons, waits as enWaits } from '../en/errors.ts'

export const errors: typeof enErrors = {
  email_already_registered: 'Cette adresse a déjà un compte.',
  field_required: 'Remplissez ce champ.',
  field_invalid: 'Cette valeur ne peut pas être utilisée.',
  field_unknown: 'Ce formulaire est trop ancien. Ouvrez la page à nouveau.',
  field_repeated: 'Ce formulaire est illisible. Ouvrez la page à nouveau.',
  body_malformed: 'Ce formulaire est illisible. Ouvrez la page à nouveau.',
  body_too_large: 'Ce texte est trop long.',
  media_type_unsupported: 'Ce formulaire est illisible. Ouvrez la page à nouveau.',
  password_rejected: 'Ce mot de passe ne peut pas être utilisé. Choisissez-en un autre.',
  login_refused: 'Cela n’a pas fonctionné. Vérifiez votre saisie et réessayez.',
  ticket_invalid: 'Le délai est dépassé. Connectez-vous à nouveau.',
  second_factor_refused: 'Le code ou la clé d’accès est incorrect, a expiré ou a déjà servi.',
  second_factor_required: 'Une deuxième preuve est nécessaire pour vous connecter.',
  code_wrong: 'Le code est incorrect, a expiré ou a déjà servi.',
  passkey_refused: 'La clé d’accès n’a pas pu être vérifiée. Réessayez.',
  enrolment_not_found: 'Le délai est dépassé. Recommencez.',
  factor_not_found: 'Cet élément a déjà été retiré.',
  last_factor: 'Sans lui, vous ne pourriez plus vous connecter. Ajoutez d’abord un autre moyen.',
  too_many_passkeys: 'Votre compte a déjà le nombre maximal de clés d’accès. Retirez-en une d’abord.',
  password_wrong: 'Le mot de passe est incorrect.',
  too_many_attempts: (wait) => `Trop de tentatives. Réessayez dans ${wait}.`,
  step_up_required: 'Confirmez d’abord que c’est bien vous.',
  session_required: 'Connectez-vous d’abord.',
  session_not_found: 'Cette connexion est déjà terminée.',
  reset_token_invalid: 'Ce lien est inconnu, a expiré ou a déjà servi. Demandez-en un nouveau.',
  verification_token_invalid:
    'Le lien est inconnu, a expiré ou a déjà servi, ou le mot de passe n’est pas celui que vous aviez choisi avec ce lien.',
  address_token_invalid: 'Ce lien est inconnu, a expiré ou a déjà servi. Demandez à nouveau le changement.',
  user_not_found: 'Ce compte n’existe pas.',
  registration_closed: 'Il n’est pas possible de créer un compte ici.',
  cross_site_refused: 'Ce formulaire est trop ancien, ou il a été envoyé depuis un autre site. Ouvrez la page à nouveau.',
  loopback_only: 'Ce service ne répond qu’à la machine sur laquelle il fonctionne.',
  host_refused: 'Ce service ne répond pas à cette adresse.',
  not_found: 'Il n’y a rien ici.',
  method_not_allowed: 'Cette adresse fait partie d’un formulaire. Ouvrez la page qui le contient.',
  busy: 'Beaucoup de personnes se connectent en ce moment. Réessayez dans un instant.',
  unavailable: 'Le service n’est pas disponible pour le moment. Réessayez dans un instant.',
  internal_error: 'Une erreur s’est produite de notre côté.',
}

export const passwordReasons: typeof enReasons = {
  too_short: (minimum) => `Utilisez au moins ${minimum} caractères.`,
  too_long: (maximum) => `Utilisez au plus ${maximum} caractères.`,
  common: 'Ce mot de passe est l’un des plus courants. Choisissez-en un autre.',
  context: 'Ne composez pas le mot de passe à partir de votre adresse ou du nom de ce service.',
  breached: 'Ce mot de passe figure dans une liste publiée de mots de passe volés. Choisissez-en un autre.',
}

export const fieldErrors: typeof enFieldErrors = {
  required: { email: 'Saisissez votre adresse e-mail.', password: 'Saisissez votre mot de passe.', code: 'Saisissez le code.' },
  invalid: {
    email: 'Saisissez une adresse comme nom@example.com.',
    password: 'Ce mot de passe ne peut pas être utilisé. Choisissez-en un autre.',
  },
}

export const waits: typeof enWaits = {
  seconds: (count) => (count <= 1 ? '1 seconde' : `${count} secondes`),
  minutes: (count) => (count <= 1 ? '1 minute' : `${count} minutes`),
}
