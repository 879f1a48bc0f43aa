/** The start page. */
export const welcome = {
  running: 'The user authentication service is running.',
  logIn: 'Log in',
  register: 'Create an account',
  tryIt: 'Try it',
  reference: 'Every route with its fields and answers:',
  referenceLink: 'API reference',
  mailbox: 'Mails that would have been sent:',
  mailboxLink: 'Mailbox',
}

/** The mails that classic keeps. */
export const mailbox = {
  title: 'Mailbox',
  about: (name: string) =>
    `What ${name} would have sent in the last day, newest first. Nothing leaves this machine in the classic posture.`,
  empty: 'No mail yet.',
  to: (address: string, at: string) => `To ${address}, ${at},`,
  htmlPart: 'HTML part',
}
