import type { Selectable } from 'kysely'
import type { Db } from '../db/database.ts'
import type { MailRequestsTable, MailsTable } from '../db/tables.ts'

export type MailRow = Selectable<MailsTable>
export type MailRequestRow = Selectable<MailRequestsTable>

export async function insertMail(
  tx: Db,
  mail: Pick<MailRow, 'id' | 'kind' | 'user_id' | 'recipient_digest' | 'body' | 'created_at' | 'expires_at'>,
): Promise<void> {
  const fresh = { state: 'waiting', attempts: 0, due_at: mail.created_at, lease_id: null, sent_at: null, last_answer: null } as const
  await tx
    .insertInto('mails')
    .values({ ...mail, ...fresh })
    .execute()
}

/** Mails whose time has come, the longest waiting first. */
export function findDueMails(db: Db, now: number, limit: number): Promise<Pick<MailRow, 'id' | 'expires_at'>[]> {
  return db
    .selectFrom('mails')
    .select(['id', 'expires_at'])
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute()
}

/**
 * Take a mail for so long, if nobody else has it. One statement decides, so of two processes one gets it; when the lease ends without a mark, somebody
 * takes it up again.
 */
export async function claimMail(
  tx: Db,
  claim: { readonly id: string; readonly leaseId: string; readonly now: number; readonly leaseUntil: number },
): Promise<MailRow | null> {
  const row = await tx
    .updateTable('mails')
    .set((eb) => ({ lease_id: claim.leaseId, due_at: claim.leaseUntil, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', claim.id)
    .where('state', '=', 'waiting')
    .where('due_at', '<=', claim.now)
    .where('expires_at', '>', claim.now)
    .returningAll()
    .executeTakeFirst()
  return row ?? null
}

interface Mark {
  readonly id: string
  readonly leaseId: string
  readonly answer: string | null
}

/** Sent, or failed for good: the body goes with the mark. False: the lease was lost. */
export async function endMail(
  tx: Db,
  mark: Mark & { readonly state: 'sent' | 'failed'; readonly sentAt: number | null },
): Promise<boolean> {
  const result = await tx
    .updateTable('mails')
    .set({ state: mark.state, body: null, lease_id: null, sent_at: mark.sentAt, last_answer: mark.answer })
    .where('id', '=', mark.id)
    .where('lease_id', '=', mark.leaseId)
    .where('state', '=', 'waiting')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** To be tried again. */
export async function postponeMail(tx: Db, mark: Mark & { readonly dueAt: number }): Promise<boolean> {
  const result = await tx
    .updateTable('mails')
    .set({ due_at: mark.dueAt, lease_id: null, last_answer: mark.answer })
    .where('id', '=', mark.id)
    .where('lease_id', '=', mark.leaseId)
    .where('state', '=', 'waiting')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Give up what nobody is sending and what has run out of time. */
export function expireMails(tx: Db, now: number): Promise<Pick<MailRow, 'id' | 'kind' | 'attempts'>[]> {
  return tx
    .updateTable('mails')
    .set({ state: 'expired', body: null, lease_id: null })
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .where('expires_at', '<=', now)
    .returning(['id', 'kind', 'attempts'])
    .execute()
}

/** For `/dev/mailbox`, in place of sending. @returns how many */
export async function keepMails(tx: Db, now: number): Promise<number> {
  const result = await tx
    .updateTable('mails')
    .set({ state: 'kept' })
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now)
    .executeTakeFirst()
  return Number(result.numUpdatedRows)
}

/** The newest first, of one user or to one address where that is said. */
export function selectMails(
  db: Db,
  where: { readonly userId?: string; readonly recipientDigests?: readonly string[]; readonly limit: number },
): Promise<MailRow[]> {
  const { userId, recipientDigests, limit } = where
  return db
    .selectFrom('mails')
    .selectAll()
    .$if(userId !== undefined && recipientDigests === undefined, (query) => query.where('user_id', '=', userId ?? ''))
    .$if(recipientDigests !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('recipient_digest', 'in', recipientDigests?.length ? recipientDigests : ['']),
          ...(userId === undefined ? [] : [eb('user_id', '=', userId)]),
        ]),
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** Mails that can still be read, the newest first. */
export function selectReadableMails(db: Db, limit: number): Promise<MailRow[]> {
  return db.selectFrom('mails').selectAll().where('body', 'is not', null).orderBy('created_at', 'desc').orderBy('id').limit(limit).execute()
}

export async function countWaitingMails(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('mails')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow()
  return Number(count)
}

export async function deleteMailsOf(tx: Db, userId: string, recipientDigests: readonly string[]): Promise<void> {
  await tx
    .deleteFrom('mails')
    .where((eb) =>
      eb.or([eb('user_id', '=', userId), ...(recipientDigests.length ? [eb('recipient_digest', 'in', recipientDigests)] : [])]),
    )
    .execute()
}

/** @returns how many were there */
export async function deleteEndedMails(tx: Db, before: number, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('mails')
    .where('id', 'in', (query) =>
      query
        .selectFrom('mails')
        .select('id')
        .where('created_at', '<=', before)
        .where('state', 'in', ['sent', 'failed', 'expired'])
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Kept ones from before, and those beyond the newest so many. @returns how many were there */
export async function deleteKeptMails(
  tx: Db,
  { before, most }: { readonly before: number; readonly most: number },
  limit: number,
): Promise<number> {
  const kept = tx.selectFrom('mails').select('id').where('state', '=', 'kept')
  let deleted = 0
  for (const old of [kept.where('due_at', '<=', before), kept.orderBy('due_at', 'desc').offset(most)]) {
    const result = await tx.deleteFrom('mails').where('id', 'in', old.limit(limit)).executeTakeFirst()
    deleted += Number(result.numDeletedRows)
  }
  return deleted
}

export async function insertMailRequest(tx: Db, request: Pick<MailRequestRow, 'id' | 'kind' | 'subject' | 'created_at'>): Promise<void> {
  await tx
    .insertInto('mail_requests')
    .values({ ...request, attempts: 0, due_at: request.created_at })
    .execute()
}

/** Of these kinds only: another version's are left to it. */
export function findDueRequests(db: Db, kinds: readonly string[], now: number, limit: number): Promise<MailRequestRow[]> {
  return db
    .selectFrom('mail_requests')
    .selectAll()
    .where('due_at', '<=', now)
    .where('kind', 'in', kinds)
    .orderBy('due_at')
    .limit(limit)
    .execute()
}

/** One statement decides who resolves it: true for exactly one caller. */
export async function consumeMailRequest(tx: Db, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('mail_requests').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function postponeMailRequest(tx: Db, { id, attempts }: Pick<MailRequestRow, 'id' | 'attempts'>, dueAt: number): Promise<void> {
  await tx
    .updateTable('mail_requests')
    .set({ attempts: attempts + 1, due_at: dueAt })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .execute()
}

/** @returns how many were there */
export async function deleteOldMailRequests(tx: Db, before: number, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('mail_requests')
    .where('id', 'in', (query) => query.selectFrom('mail_requests').select('id').where('created_at', '<=', before).limit(limit))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
