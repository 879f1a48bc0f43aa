import { Command, Option } from 'commander'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { jsonText } from '../json-text.ts'
import { listMails, type MailView } from '../mail/mail.ts'
import { renderMail } from '../mail/render-mail.ts'
import { SAMPLE_MESSAGES, SAMPLE_UNTIL } from '../mail/sample-messages.ts'
import { findUserByEmail, requireEmailAddress } from '../users/user.ts'
import { print, printTable, safe, withDeps } from './output.ts'

const KINDS = SAMPLE_MESSAGES.map(({ kind }) => kind)

export function mailCommand(configOf: () => Config): Command {
  const mail = new Command('mail').description('preview the messages, list what was sent')
  mail
    .command('preview [kind]')
    .description(`each message with sample values; kinds: ${KINDS.join(', ')}`)
    .option('--text', 'the plain text only')
    .addOption(new Option('--html', 'the HTML only').conflicts('text'))
    .exitOverride()
    .action((kind: string | undefined, options: PreviewOptions) => preview(configOf(), kind, options))
  mail
    .command('list [address]')
    .description('the last fifty mails, of all or to one address, and what the mail server said')
    .option('--json', 'one JSON object a line')
    .exitOverride()
    .action((address: string | undefined, options: { json?: boolean }) =>
      withDeps(configOf(), (deps) => list(deps, address, options), { readOnly: true }),
    )
  return mail
}

interface PreviewOptions {
  readonly text?: boolean
  readonly html?: boolean
}

async function preview(config: Config, kind: string | undefined, { text, html }: PreviewOptions): Promise<void> {
  const messages = SAMPLE_MESSAGES.filter((message) => kind === undefined || message.kind === kind)
  if (messages.length === 0)
    throw new AuthError('configuration_invalid', { sentence: `There is no message ${safe(kind ?? '')}; there are ${KINDS.join(', ')}.` })
  for (const message of messages) {
    const content = await renderMail(config, message, SAMPLE_UNTIL)
    if (!html && !text) print(`=== ${message.kind}\nSubject: ${content.subject}\n`)
    if (!html) print(content.text)
    if (!text) print(content.html)
  }
}

async function list(deps: Deps, address: string | undefined, { json }: { readonly json?: boolean }): Promise<void> {
  const mails = address === undefined ? await listMails(deps) : await mailsTo(deps, address)
  if (json) for (const mail of mails) print(jsonText(viewOf(mail)))
  else if (mails.length === 0) print('No mails.')
  else printTable(['CREATED', 'KIND', 'STATE', 'ATTEMPTS', 'USER', 'ANSWER'], mails.map(rowOf))
}

/** Those to the address, and those about its user, who may have had another one before. */
async function mailsTo(deps: Deps, address: string): Promise<MailView[]> {
  const { canonical } = requireEmailAddress(address)
  const user = await findUserByEmail(deps, address)
  return listMails(deps, { address: canonical, ...(user && { userId: user.id }) })
}

function rowOf({ createdAt, kind, state, attempts, userId, lastAnswer }: MailView): string[] {
  return [createdAt.toISOString().slice(0, 19), kind, state, String(attempts), userId ?? '-', lastAnswer ?? '-']
}

function viewOf(mail: MailView) {
  return {
    id: mail.id,
    kind: mail.kind,
    user_id: mail.userId,
    state: mail.state,
    attempts: mail.attempts,
    created_at: mail.createdAt.toISOString(),
    sent_at: mail.sentAt?.toISOString() ?? null,
    next_try_at: mail.nextTryAt?.toISOString() ?? null,
    last_answer: mail.lastAnswer,
  }
}
