import type { OutgoingMail } from '../src/mail/deliver.ts'

/** The token of the link in a mail, as a person would copy it. */
export function tokenIn(mail: Pick<OutgoingMail, 'text'> | undefined): string {
  const token = /[?&]token=([A-Za-z0-9_-]{43})/.exec(mail?.text ?? '')?.[1]
  if (token === undefined) throw new Error(`no link in the mail:\n${mail?.text}`)
  return token
}

/** The code to type that is in a mail. */
export function codeIn(mail: Pick<OutgoingMail, 'text'> | undefined): string {
  const code = /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(mail?.text ?? '')?.[0]
  if (code === undefined) throw new Error(`no code in the mail:\n${mail?.text}`)
  return code
}
