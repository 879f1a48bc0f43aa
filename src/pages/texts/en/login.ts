/** The pages before somebody is logged in. */
export const login = {
  title: 'Log in',
  email: 'Email address',
  password: 'Password',
  button: 'Log in',
  forgot: 'Forgot your password?',
  or: 'or',
  codeInstead: 'Email me a code instead',
  noAccount: 'No account yet?',
  register: 'Create an account',
  /** One sentence for every reason. */
  refused: 'The email address or the password is wrong.',
}

export const loginCode = {
  title: 'Log in with a code',
  about: 'We mail you a code. No password is needed.',
  button: 'Email me a code',
  sentTitle: 'Check your mail',
  sent: (email: string) => `If ${email} has an account, a code is on its way. It is good for 10 minutes.`,
  code: 'Code',
  logIn: 'Log in',
  again: 'Send a new code',
  refused: 'The code is wrong, expired or used already.',
}

export const register = {
  title: 'Create an account',
  email: 'Email address',
  password: 'Password',
  minLength: (count: number) => `${count > 1 ? `At least ${count} characters. ` : ''}A sentence is easy to remember.`,
  button: 'Create my account',
  haveAccount: 'Already have an account?',
  logIn: 'Log in',
  closed: 'New accounts cannot be created here. Ask whoever runs this service.',
}

export const forgot = {
  title: 'Forgot your password?',
  about: 'Enter your address, and we mail you a link to choose a new one.',
  email: 'Email address',
  button: 'Mail me a link',
}

export const verifyAgain = {
  title: 'Verify your address',
  about: 'Follow the link in the mail that we sent you. If it did not arrive, look into the spam folder, or have it sent again.',
  email: 'Email address',
  button: 'Send the mail again',
}

/** Said on the page that follows what was done, by the word in its address. */
export const notices = {
  logged_out: 'You are logged out.',
  login_expired: 'That login took too long, or was completed already. Log in again.',
  account_deleted: 'Your account is deleted.',
  registered: 'Your account is there. Log in.',
  check_mail: 'Almost done: follow the link that we mailed you.',
  reset_mailed: 'If this address has an account, a mail with a link is on its way.',
  verification_mailed: 'If this address waits to be verified, a mail with a link is on its way.',
}

/** Classic sends no mail. */
export const keptMails = {
  about: 'This is a trial: mails are not sent, but kept in the',
  link: 'mailbox',
}
