/** The pages that links in mails lead to. */
export const links = {
  logIn: 'Log in',
  verify: {
    title: 'Verify your address',
    text: 'Enter the password that you chose when you registered. It makes sure that it was you.',
    password: 'Password',
    button: 'Verify my address',
    refuse: 'I did not register',
    done: 'Your address is verified',
    doneText: (email: string) => `You can log in as ${email} now.`,
    refused: 'Thank you',
    refusedText: 'The registration is deleted. Nobody can use it.',
  },
  reset: {
    title: 'Choose a new password',
    text: 'You are logged out everywhere when it is set.',
    password: 'New password',
    button: 'Set my password',
    done: 'Your password is set',
    doneText: 'Every session was ended. Log in with the new password.',
  },
  login: {
    title: 'Log in',
    text: 'You asked for a link to log in.',
    textFor: (email: string) => `You are about to log in as ${email}. If that is not you, close this page.`,
    button: 'Log me in',
    refused: 'This link is unknown, used or expired. Ask for a new one.',
  },
  address: {
    title: 'Confirm the change of address',
    text: 'The address of your account is about to change.',
    button: 'Confirm',
  },
  undo: {
    title: 'Take the change back',
    text: 'The account gets your address back. Every session ends, and you choose a new password.',
    button: 'This was not me',
  },
  addressDone: {
    changed: { title: 'Your address is changed', text: 'Log in with the new one from now on.' },
    other_side_missing: {
      title: 'Confirmed',
      text: 'Now follow the link that was mailed to the other address. Until then nothing changes.',
    },
    undone: {
      title: 'Your address is restored',
      text: 'Every session was ended and the password is void. A mail lets you choose another.',
    },
  },
}
