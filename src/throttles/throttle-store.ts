import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { keptStatement } from '../db/kept-query.ts'
import type { Ladder, Window } from './limits.ts'

export interface Counter {
  readonly bucket: string
  readonly count: number
  /** Which series a count belongs to. */
  readonly since: number
}

/**
 * Count one failure in advance, unless the bucket is closed. One statement looks and counts, so that of any number of attempts at once only so many get through as the
 * ladder has steps; on both engines the row is locked until the transaction ends.
 *
 * @returns `null`: closed; nothing has changed
 */
export async function countFailure(db: Db, bucket: string, ladder: Ladder, now: number): Promise<Counter | null> {
  const known = countings.get(ladder)
  const count = known ?? countingOn(ladder)
  if (!known) countings.set(ladder, count)
  const longest = ladder.waits.at(-1)?.milliseconds ?? 0
  const [row] = await count(db, { bucket, now, endsAt: now + ladder.forgottenMilliseconds, unlikely: now + longest })
  return row ?? null
}

const countings = new WeakMap<Ladder, ReturnType<typeof countingOn>>()

interface Counting extends Record<string, unknown> {
  readonly bucket: string
  readonly now: number
  readonly endsAt: number
  /** A block that ends later than any can is from a clock that was wrong. */
  readonly unlikely: number
}

function countingOn(ladder: Ladder) {
  return keptStatement<Counting, Counter>((db, arg) => {
    const [now, endsAt] = [asInstant(arg('now')), asInstant(arg('endsAt'))]
    return db
      .insertInto('throttles')
      .values({ bucket: arg('bucket'), count: 1, since: arg('now'), blocked_until: 0, ends_at: arg('endsAt') })
      .onConflict((conflict) =>
        conflict
          .column('bucket')
          .doUpdateSet((was) => {
            const [count, since, ends] = [was.ref('throttles.count'), was.ref('throttles.since'), was.ref('throttles.ends_at')]
            const isOver = sql`${ends} <= ${now}`
            const steps = ladder.waits
              .toReversed()
              .map((step) => sql`when ${count} + 1 >= ${sql.lit(step.failures)} then ${now} + ${sql.lit(step.milliseconds)}`)
            const isFull = ladder.disabledAt === null ? sql`` : sql`when ${count} + 1 >= ${sql.lit(ladder.disabledAt)} then null`
            return {
              count: sql<number>`case when ${isOver} then 1 else ${count} + 1 end`,
              since: sql<number>`case when ${isOver} then ${now} else ${since} end`,
              blocked_until: sql<number>`case when ${isOver} then 0 ${sql.join(steps, sql` `)} else 0 end`,
              ends_at: sql<number | null>`case when ${isOver} then ${endsAt} ${isFull} else ${endsAt} end`,
            }
          })
          .where((was) => was.or([was('throttles.blocked_until', '<=', arg('now')), was('throttles.blocked_until', '>', arg('unlikely'))])),
      )
      .returning(['bucket', 'count', 'since'])
  })
}

/** In a branch of `case`, PostgreSQL takes a parameter for text unless told. */
function asInstant(milliseconds: number): RawBuilder<number> {
  return sql<number>`cast(${milliseconds} as bigint)`
}

export async function findBlockedUntil(db: Db, bucket: string): Promise<number> {
  const row = await db.selectFrom('throttles').select('blocked_until').where('bucket', '=', bucket).executeTakeFirst()
  return row?.blocked_until ?? 0
}

export interface SprayingLimit {
  readonly accounts: number
  readonly milliseconds: number
}

/** The newest note of an origin that counts still. */
function newestNote(db: Pick<Db, 'selectFrom'>, origin: string, after: number, unlikely: number) {
  return (
    db
      .selectFrom('sprayed_accounts as newest')
      .select((newest) => newest.fn.max('newest.tried_at').as('tried_at'))
      .where('newest.origin', '=', origin)
      .where('newest.tried_at', '>', after)
      // One that lies further ahead is from a clock that was wrong.
      .where('newest.tried_at', '<=', unlikely)
  )
}

interface Tried extends Record<string, unknown> {
  readonly origin: string
  readonly account: string
  readonly now: number
  readonly after: number
  readonly unlikely: number
  readonly accounts: number
  readonly milliseconds: number
}

const noteAccount = keptStatement<Tried, { tried_at: number }>((db, arg) =>
  db
    .insertInto('sprayed_accounts')
    .columns(['origin', 'account', 'tried_at'])
    .expression(
      db
        .selectNoFrom([
          sql<string>`cast(${arg('origin')} as text)`.as('origin'),
          sql<string>`cast(${arg('account')} as text)`.as('account'),
          asInstant(arg('now')).as('tried_at'),
        ])
        .where(
          (is) =>
            is
              .selectFrom('sprayed_accounts as other')
              .select((other) => other.fn.countAll<number>().as('count'))
              .where('other.origin', '=', arg('origin'))
              .where(
                'other.tried_at',
                '>',
                sql<number>`${newestNote(db, arg('origin'), arg('after'), arg('unlikely'))} - ${asInstant(arg('milliseconds'))}`,
              ),
          '<',
          arg('accounts'),
        ),
    )
    .onConflict((conflict) => conflict.columns(['origin', 'account']).doUpdateSet({ tried_at: arg('now') }))
    .returning('tried_at'),
)

/**
 * Note that an account is tried from an origin, unless too many were within so long before the newest of them, which is not so long ago itself. One statement; the
 * caller's transaction has the origin's own counter, so that it sees the notes of whoever came before.
 *
 * @returns false: closed; nothing has changed
 */
export async function noteSprayedAccount(
  tx: Db,
  tried: { readonly origin: string; readonly account: string; readonly now: number },
  limit: SprayingLimit,
): Promise<boolean> {
  const { milliseconds } = limit
  const rows = await noteAccount(tx, { ...tried, ...limit, after: tried.now - milliseconds, unlikely: tried.now + milliseconds })
  return rows.length > 0
}

export async function findNewestNote(db: Db, origin: string, now: number, { milliseconds }: SprayingLimit): Promise<number> {
  const row = await newestNote(db, origin, now - milliseconds, now + milliseconds).executeTakeFirst()
  return row?.tried_at ?? 0
}

const deleteNote = keptStatement<{ origin: string; account: string }, never>((db, arg) =>
  db.deleteFrom('sprayed_accounts').where('origin', '=', arg('origin')).where('account', '=', arg('account')).$castTo<never>(),
)

export async function forgetSprayedAccount(tx: Db, tried: { readonly origin: string; readonly account: string }): Promise<void> {
  await deleteNote(tx, { origin: tried.origin, account: tried.account })
}

const deleteTwo = keptStatement<{ one: string; other: string }, never>((db, arg) =>
  db
    .deleteFrom('throttles')
    .where('bucket', 'in', [arg('one'), arg('other')])
    .$castTo<never>(),
)

/** After a success: of an attempt's one or two counters. */
export async function deleteCountersOfAttempt(tx: Db, counters: readonly Counter[]): Promise<void> {
  const [one, other = one] = counters
  if (one && other) await deleteTwo(tx, { one: one.bucket, other: other.bucket })
}

export async function deleteCounters(tx: Db, buckets: readonly string[]): Promise<void> {
  await tx.deleteFrom('throttles').where('bucket', 'in', buckets).execute()
}

/** Take one failure back, if its series goes on. Nobody was let in while the bucket was closed, so what closed it was this failure or those beside it. */
export async function uncountFailure(tx: Db, { bucket, since }: Counter): Promise<void> {
  await tx
    .updateTable('throttles')
    .set((was) => ({ count: was('count', '-', 1), blocked_until: 0 }))
    .where('bucket', '=', bucket)
    .where('since', '=', since)
    .where('count', '>', 0)
    .execute()
}

/** One event in a window that begins with its first. One statement, as above. @returns false: the window is full */
export async function countInWindow(tx: Db, bucket: string, { most, milliseconds }: Window, now: number): Promise<boolean> {
  const row = await tx
    .insertInto('throttles')
    .values({ bucket, count: 1, since: now, blocked_until: 0, ends_at: now + milliseconds })
    .onConflict((conflict) =>
      conflict
        .column('bucket')
        .doUpdateSet((was) => {
          const [count, since, ends] = [was.ref('throttles.count'), was.ref('throttles.since'), was.ref('throttles.ends_at')]
          const isOver = sql`(${ends} <= ${now} or ${ends} > ${now + milliseconds})`
          return {
            count: sql<number>`case when ${isOver} then 1 else ${count} + 1 end`,
            since: sql<number>`case when ${isOver} then ${asInstant(now)} else ${since} end`,
            ends_at: sql<number>`case when ${isOver} then ${asInstant(now + milliseconds)} else ${ends} end`,
          }
        })
        .where((was) =>
          was.or([
            was('throttles.count', '<', most),
            was('throttles.ends_at', '<=', now),
            was('throttles.ends_at', '>', now + milliseconds),
          ]),
        ),
    )
    .returning('count')
    .executeTakeFirst()
  return row !== undefined
}

export async function uncountInWindow(tx: Db, bucket: string): Promise<void> {
  await tx
    .updateTable('throttles')
    .set((was) => ({ count: was('count', '-', 1) }))
    .where('bucket', '=', bucket)
    .execute()
}

export async function findCounters(db: Db, buckets: readonly string[], now: number) {
  return db
    .selectFrom('throttles')
    .select(['bucket', 'count', 'blocked_until'])
    .where('bucket', 'in', buckets)
    .where((is) => is.or([is('ends_at', 'is', null), is('ends_at', '>', now)]))
    .execute()
}

/** @returns how many were there */
export async function deleteEndedCounters(tx: Db, now: number, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('throttles')
    .where('bucket', 'in', (query) =>
      query.selectFrom('throttles').select('bucket').where('ends_at', '<=', now).orderBy('ends_at').limit(limit),
    )
    // Once more: on PostgreSQL one that was counted on between the two goes on.
    .where('ends_at', '<=', now)
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** @returns how many were there */
export async function deleteOldSprayedAccounts(tx: Db, before: number, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('sprayed_accounts')
    .where((is) =>
      is(
        is.refTuple('origin', 'account'),
        'in',
        is
          .selectFrom('sprayed_accounts')
          .select(['origin', 'account'])
          .where('tried_at', '<=', before)
          .orderBy('tried_at')
          .limit(limit)
          .$asTuple('origin', 'account'),
      ),
    )
    .where('tried_at', '<=', before)
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
