import { openSealedText, sealText } from '../crypto/sealed-text.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import {
  countWaitingMails,
  deleteEndedMails,
  deleteKeptMails,
  deleteMailsOf,
  deleteOldMailRequests,
  insertMail,
  insertMailRequest,
  type MailRow,
  selectMails,
  selectReadableMails,
} from './mail-store.ts'
import type { Message, MessageKind } from './message.ts'
import { recipientDigest, recipientDigests, requireRecipient } from './recipient.ts'
import { type MailContent, renderMail } from './render-mail.ts'

const HOUR = 3_600_000
/** A day: long enough for a mail server to be mended, and a token in a mail that comes later would surprise more than help. */
export const GIVE_UP_MILLISECONDS = 24 * HOUR
/** What became of a mail is worth asking for so long, and no longer (CHECKLIST R291). */
const RETENTION_MILLISECONDS = 90 * 24 * HOUR
/** For `/dev/mailbox`: today's, and not so many that they hide each other. */
const KEPT_MILLISECONDS = 24 * HOUR
const MAX_KEPT = 200

export interface NewMail {
  /** The address that is stored, never one from a request (CHECKLIST R107). */
  readonly to: string
  /** Whose account it is about; `null` where there is none. */
  readonly userId: string | null
  readonly message: Message
  /** When what is in it ends: it is not sent after that. At most a day from now counts. */
  readonly expiresAt?: Date
}

/** What is sealed in a row. */
export interface MailBody extends MailContent {
  readonly to: string
}

/**
 * Write a mail to be sent, within the caller's transaction: if that commits, the mail is sent, and if it does not, there is none. The text is rendered
 * now; recipient and text are sealed until the mail has ended.
 */
export async function queueMail(
  deps: Pick<Deps, 'config' | 'clock' | 'random' | 'keys'>,
  tx: Db,
  { to, userId, message, expiresAt }: NewMail,
): Promise<void> {
  const id = deps.random.uuid()
  const now = deps.clock.now()
  const body: MailBody = { to: requireRecipient(to), ...(await renderMail(deps.config, message, expiresAt ?? null)) }
  const latest = now + GIVE_UP_MILLISECONDS
  await insertMail(tx, {
    id,
    kind: message.kind,
    user_id: userId,
    recipient_digest: recipientDigest(deps.keys, to),
    body: sealText(deps.keys, deps.random, { label: 'outbox', rowId: id }, JSON.stringify(body)),
    created_at: now,
    expires_at: Math.min(expiresAt?.getTime() ?? latest, latest),
  })
}

/** `null`: sealed with a secret that is not there any more. */
export function openBody(deps: Pick<Deps, 'keys'>, { id, body }: Pick<MailRow, 'id' | 'body'>): MailBody | null {
  const text = body === null ? null : openSealedText(deps.keys, { label: 'outbox', rowId: id }, body)
  return text === null ? null : (JSON.parse(text) as MailBody)
}

/** What a stranger may ask to have mailed. */
export type MailRequestKind = 'registration' | 'verify_address' | 'reset_password' | 'login_code' | 'change_address'

/**
 * Note that a request asks for a mail, without looking whose address it is: a known address and an unknown one cost the same one row, and the same
 * time. The mailer resolves it afterwards, by the resolver of its kind.
 */
export async function deferMail(
  deps: Pick<Deps, 'clock' | 'random' | 'keys'>,
  tx: Db,
  { kind, subject }: { readonly kind: MailRequestKind; readonly subject: string },
): Promise<void> {
  const id = deps.random.uuid()
  const sealed = sealText(deps.keys, deps.random, { label: 'outbox', rowId: id }, subject)
  await insertMailRequest(tx, { id, kind, subject: sealed, created_at: deps.clock.now() })
}

/**
 * Erase every mail about a user, sent or not, and every mail to an address of theirs. A mail that is on its way arrives all the same. What says
 * good-bye is queued after this.
 */
export async function eraseMailsOf(
  deps: Pick<Deps, 'keys'>,
  tx: Db,
  { userId, canonicalAddress }: { readonly userId: string; readonly canonicalAddress?: string },
): Promise<void> {
  await deleteMailsOf(tx, userId, canonicalAddress === undefined ? [] : recipientDigests(deps.keys, canonicalAddress))
}

/** A mail as the operator sees it: what became of it, not what it says. */
export interface MailView {
  readonly id: string
  readonly kind: MessageKind
  readonly userId: string | null
  readonly state: MailRow['state']
  readonly attempts: number
  readonly createdAt: Date
  readonly sentAt: Date | null
  /** When it is tried next. */
  readonly nextTryAt: Date | null
  readonly lastAnswer: string | null
}

const MAX_LISTED = 50

/** The last mails about a user, newest first. */
export function listMailsOf(deps: Pick<Deps, 'database'>, userId: string): Promise<MailView[]> {
  return list(deps, { userId })
}

/** The last mails of all, or those to an address or about its user. */
export function listMails(
  deps: Pick<Deps, 'database' | 'keys'>,
  of: { readonly address?: string; readonly userId?: string } = {},
): Promise<MailView[]> {
  const { address, userId } = of
  return list(deps, {
    ...(userId !== undefined && { userId }),
    ...(address !== undefined && { recipientDigests: recipientDigests(deps.keys, address) }),
  })
}

async function list({ database }: Pick<Deps, 'database'>, where: { userId?: string; recipientDigests?: string[] }): Promise<MailView[]> {
  const rows = await selectMails(database.reads, { ...where, limit: MAX_LISTED })
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind as MessageKind,
    userId: row.user_id,
    state: row.state,
    attempts: row.attempts,
    createdAt: new Date(row.created_at),
    sentAt: row.sent_at === null ? null : new Date(row.sent_at),
    nextTryAt: row.state === 'waiting' ? new Date(row.due_at) : null,
    lastAnswer: row.last_answer,
  }))
}

/** A mail of the classic posture, as `/dev/mailbox` shows it. */
export interface KeptMail extends MailBody {
  readonly id: string
  readonly kind: MessageKind
  readonly createdAt: Date
}

/** What can still be read, newest first: all that classic would have sent. */
export async function readMailbox(deps: Pick<Deps, 'database' | 'keys'>): Promise<KeptMail[]> {
  const rows = await selectReadableMails(deps.database.reads, MAX_KEPT)
  return rows.flatMap((row) => {
    const body = openBody(deps, row)
    return body === null ? [] : [{ id: row.id, kind: row.kind as MessageKind, createdAt: new Date(row.created_at), ...body }]
  })
}

/** How many mails are still to be sent: for the metrics. */
export function countWaiting({ database }: Pick<Deps, 'database'>): Promise<number> {
  return countWaitingMails(database.reads)
}

/** Remove at most `limit` mails that ended long ago. @returns how many */
export async function removeEndedMails({ database, clock }: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return database.inTransaction((tx) => deleteEndedMails(tx, clock.now() - RETENTION_MILLISECONDS, limit))
}

/** Remove kept mails that are a day old or are more than two hundred. @returns how many */
export async function removeKeptMails({ database, clock }: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return database.inTransaction((tx) => deleteKeptMails(tx, { before: clock.now() - KEPT_MILLISECONDS, most: MAX_KEPT }, limit))
}

/** Remove requests that nobody has resolved for a day: of a kind that this version does not know. @returns how many */
export async function removeOldMailRequests({ database, clock }: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return database.inTransaction((tx) => deleteOldMailRequests(tx, clock.now() - GIVE_UP_MILLISECONDS, limit))
}
