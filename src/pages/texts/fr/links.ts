import type { links as en } from '../en/links.ts'

export const links: typeof en = {
  logIn: 'Se connecter',
  verify: {
    title: 'Vérifiez votre adresse',
    text: 'Saisissez le mot de passe choisi lors de votre inscription. Il confirme que c’était bien vous.',
    password: 'Mot de passe',
    button: 'Vérifier mon adresse',
    refuse: 'Ce n’était pas moi',
    done: 'Votre adresse est vérifiée',
    doneText: (email) => `Vous pouvez maintenant vous connecter avec ${email}.`,
    refused: 'Merci',
    refusedText: 'L’inscription est supprimée. Personne ne peut l’utiliser.',
  },
  reset: {
    title: 'Choisissez un nouveau mot de passe',
    text: 'Une fois enregistré, il met fin à toutes vos sessions.',
    password: 'Nouveau mot de passe',
    button: 'Enregistrer mon mot de passe',
    done: 'Votre mot de passe est enregistré',
    doneText: 'Toutes vos sessions sont terminées. Connectez-vous avec le nouveau mot de passe.',
  },
  login: {
    title: 'Connexion',
    text: 'Vous avez demandé un lien pour vous connecter.',
    textFor: (email) => `Vous allez vous connecter avec ${email}. Si ce n’est pas vous, fermez cette page.`,
    button: 'Me connecter',
    refused: 'Ce lien est inconnu, a expiré ou a déjà servi. Demandez-en un nouveau.',
  },
  address: {
    title: 'Confirmez le changement d’adresse',
    text: 'L’adresse de votre compte est sur le point de changer.',
    button: 'Confirmer',
  },
  undo: {
    title: 'Annulez le changement',
    text: 'Le compte retrouve votre adresse. Toutes les sessions se terminent, et vous choisissez un nouveau mot de passe.',
    button: 'Ce n’était pas moi',
  },
  addressDone: {
    changed: { title: 'Votre adresse a changé', text: 'Connectez-vous désormais avec la nouvelle.' },
    other_side_missing: {
      title: 'C’est confirmé',
      text: 'Suivez maintenant le lien envoyé à l’autre adresse. D’ici là, rien ne change.',
    },
    undone: {
      title: 'Votre adresse est rétablie',
      text: 'Toutes les sessions sont terminées et le mot de passe n’est plus valable. Un e-mail vous permet d’en choisir un autre.',
    },
  },
}
