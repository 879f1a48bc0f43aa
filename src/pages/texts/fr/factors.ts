import type * as en from '../en/factors.ts'

export const passkeys: typeof en.passkeys = {
  title: 'Clés d’accès',
  about: 'Connectez-vous avec votre empreinte, votre visage ou le code de votre appareil, sans mot de passe.',
  none: 'Vous n’avez pas encore de clé d’accès.',
  one: 'Ajoutez-en une deuxième sur un autre appareil : en perdre une ne vous bloquera pas.',
  add: 'Ajouter une clé d’accès',
  added: 'Ajoutée le',
  lastUsed: 'Dernière utilisation le',
  neverUsed: 'jamais utilisée',
  backedUp: 'synchronisée',
  rename: 'Renommer',
  renameOf: (name) => `Renommer ${name}`,
  name: 'Nom',
  nameHint: 'Pour la reconnaître : 64 caractères au plus.',
  save: 'Enregistrer le nom',
  remove: 'Supprimer',
  removeOf: (name) => `Supprimer ${name}`,
  addTitle: 'Ajouter une clé d’accès',
  addAbout:
    'Votre navigateur vous demande où la garder : sur cet appareil, sur votre téléphone ou sur une clé de sécurité. Il demandera votre empreinte, votre visage ou votre code.',
  create: 'Créer la clé d’accès',
  needsScript: 'Les clés d’accès demandent un navigateur où les scripts sont activés.',
  unsupported: 'Ce navigateur ne sait pas utiliser les clés d’accès.',
  cancelled: 'Cela n’a pas fonctionné, ou a été annulé. Réessayez.',
  logIn: 'Se connecter avec une clé d’accès',
  confirm: 'Utiliser une clé d’accès',
  refused: 'Cette clé d’accès est inconnue ici, ou n’a pas pu être vérifiée.',
}

export const app: typeof en.app = {
  title: 'Application d’authentification',
  about: 'Une application de votre téléphone affiche un code à six chiffres, à saisir après votre mot de passe.',
  add: 'Configurer une application d’authentification',
  replace: 'La configurer sur un autre appareil',
  remove: 'Supprimer l’application',
  setUpTitle: 'Configurer une application d’authentification',
  scan: 'Scannez cette image avec votre application d’authentification.',
  byHand: 'Ou saisissez cette clé dans l’application :',
  picture: 'La clé pour l’application d’authentification, sous forme de QR code',
  code: 'Code de l’application',
  codeHint: 'Six chiffres. Un nouveau code apparaît toutes les 30 secondes.',
  confirm: 'Activer',
  begin: 'Afficher le QR code',
  beginAbout: 'Il vous faut une application comme Aegis, 2FAS, Google Authenticator ou votre gestionnaire de mots de passe.',
  again: 'Recommencer avec un nouveau QR code',
  wrong: 'Ce code est faux ou a déjà servi. Attendez le suivant, et vérifiez l’heure de votre téléphone.',
}

export const recoveryCodes: typeof en.recoveryCodes = {
  title: 'Codes de récupération',
  about: 'Chacun vous laisse entrer une fois, quand votre clé d’accès ou votre application n’est pas à portée de main.',
  left: (count) => (count === 1 ? 'Il reste un code.' : `Il reste ${count} codes.`),
  few: 'Créez-en de nouveaux avant d’en manquer.',
  make: 'Créer de nouveaux codes',
  voids: 'Les précédents ne fonctionneront plus.',
  shownTitle: 'Gardez vos codes de récupération',
  shownAbout:
    'Chacun de ces codes vous laisse entrer une fois, quand votre clé d’accès ou votre application n’est pas à portée de main. Ils ne sont affichés que cette fois : gardez-les là où vous les retrouverez sans cet appareil.',
  copy: 'Copier',
  copied: 'Copié',
  print: 'Imprimer',
  download: 'Télécharger',
  kept: 'Je les ai gardés',
  list: 'Codes de récupération',
}

export const secondFactor: typeof en.secondFactor = {
  title: 'Encore une étape',
  about: (email) => `Prouvez que vous êtes ${email}.`,
  button: 'Se connecter',
  code: 'Code de votre application d’authentification',
  recovery: 'Utiliser un code de récupération',
  recoveryCode: 'Code de récupération',
  recoveryHint: 'Un des dix que vous avez gardés, comme 7K3M-9QXT-R4WB-2VHN.',
  startAgain: 'Reprendre la connexion au début',
  wrong: 'C’est faux, expiré ou déjà utilisé.',
  addTitle: 'Ajouter un second facteur',
  addAbout: 'Ici, chacun a besoin d’un second facteur. Ajoutez-en un pour terminer la connexion.',
  needsPassword: 'Connectez-vous avec votre mot de passe pour ajouter un second facteur : un code reçu par e-mail n’y suffit pas.',
}

export const confirm: typeof en.confirm = {
  title: 'Est-ce bien vous ?',
  about: 'Ce que vous allez faire demande une nouvelle preuve. Elle vaut dix minutes.',
  password: 'Votre mot de passe',
  code: 'Code de votre application d’authentification',
  button: 'Confirmer',
  onlyLogin:
    'Votre compte n’a ni mot de passe ni clé d’accès. Déconnectez-vous puis reconnectez-vous avec un code reçu par e-mail ; cela vaut ensuite dix minutes.',
  recoveryHint:
    'Votre application ou votre clé d’accès est perdue ? Déconnectez-vous, connectez-vous avec un code de récupération, et vous pourrez changer vos facteurs pendant dix minutes.',
  cancel: 'Retour à mon compte',
}
