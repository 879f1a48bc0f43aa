import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Origin } from '../origin.ts'
import type { SessionPublicId } from './session.ts'

/** @returns how many sessions the user has; with or without this one, engines differ */
export async function insertSession(
  tx: Db,
  session: Origin & {
    readonly tokenHash: TokenHash
    readonly id: string
    readonly userId: string
    readonly amr: readonly string[]
    readonly secondFactor: boolean
    readonly now: Date
    readonly expiresAt: Date
  },
): Promise<number> {
  const now = session.now.getTime()
  const row = await tx
    .insertInto('sessions')
    .values({
      token_hash: tokenHashBytes(session.tokenHash),
      id: session.id,
      user_id: session.userId,
      created_at: now,
      authenticated_at: now,
      second_factor_at: session.secondFactor ? now : null,
      last_seen_at: now,
      expires_at: session.expiresAt.getTime(),
      amr: session.amr.join(' '),
      user_agent: session.userAgent,
      address: session.address,
    })
    .returning((returned) =>
      returned
        .selectFrom('sessions as own')
        .select((own) => own.fn.countAll<number>().as('count'))
        .where('own.user_id', '=', session.userId)
        .as('count'),
    )
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Keep `keep` sessions of a user: the one just begun, whatever the clock says, and the newest others. @returns those that went */
export async function deleteOldestSessions(tx: Db, userId: string, begun: string, keep: number): Promise<string[]> {
  const rows = await tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', 'in', (query) =>
      query
        .selectFrom('sessions')
        .select('id')
        .where('user_id', '=', userId)
        .where('id', '!=', begun)
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .limit(1_000)
        .offset(keep - 1),
    )
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

export async function replaceSessionToken(
  tx: Db,
  change: {
    readonly from: TokenHash
    readonly to: TokenHash
    readonly at: Date
    readonly amr: readonly string[]
    /** What was proved just now is one. */
    readonly secondFactor: boolean
  },
): Promise<boolean> {
  const at = change.at.getTime()
  const result = await tx
    .updateTable('sessions')
    .set({
      token_hash: tokenHashBytes(change.to),
      authenticated_at: at,
      last_seen_at: at,
      amr: change.amr.join(' '),
      ...(change.secondFactor && { second_factor_at: at }),
    })
    .where('token_hash', '=', tokenHashBytes(change.from))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** By an update that changes nothing: on PostgreSQL a select would let somebody end it between this and the commit. */
export async function holdSession(tx: Db, tokenHash: TokenHash): Promise<boolean> {
  const result = await tx
    .updateTable('sessions')
    .set((is) => ({ last_seen_at: is.ref('last_seen_at') }))
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Never backwards: of two processes that saw the session, the later sighting stays. */
export async function updateLastSeen(tx: Db, sessionId: string, seenAt: Date): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({ last_seen_at: seenAt.getTime() })
    .where('id', '=', sessionId)
    .where('last_seen_at', '<', seenAt.getTime())
    .execute()
}

interface EndedSession {
  readonly id: SessionPublicId
  readonly userId: string
}

export async function deleteSessionByTokenHash(tx: Db, tokenHash: TokenHash): Promise<EndedSession | undefined> {
  return tx
    .deleteFrom('sessions')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .returning(['id', 'user_id as userId'])
    .executeTakeFirst()
}

/** Only if it has ended by itself: it may have been renewed or used meanwhile. */
export async function deleteSessionIfExpired(
  tx: Db,
  tokenHash: TokenHash,
  ends: { readonly now: Date; readonly lastSeenBefore: Date },
): Promise<EndedSession | undefined> {
  return tx
    .deleteFrom('sessions')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where((is) => is.or([is('expires_at', '<=', ends.now.getTime()), is('last_seen_at', '<=', ends.lastSeenBefore.getTime())]))
    .returning(['id', 'user_id as userId'])
    .executeTakeFirst()
}

/** The owner is part of the condition (CHECKLIST R247). */
export async function deleteSession(tx: Db, userId: string, sessionId: string): Promise<boolean> {
  const result = await tx.deleteFrom('sessions').where('id', '=', sessionId).where('user_id', '=', userId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function deleteSessionsOfUser(tx: Db, userId: string, except?: SessionPublicId): Promise<number> {
  const result = await tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .$if(except !== undefined, (query) => query.where('id', '!=', except ?? ''))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

export async function listSessionsOfUser(db: Db, userId: string) {
  const rows = await db
    .selectFrom('sessions')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    createdAt: new Date(row.created_at),
    lastSeenAt: new Date(row.last_seen_at),
    absoluteEnd: new Date(row.expires_at),
    userAgent: row.user_agent,
    address: row.address,
  }))
}

/**
 * At most `limit` sessions past one of their two ends. Each end has an index, which is read in its order. Asked for both at once, in no order, the statement met its
 * time-out among ten million sessions on PostgreSQL. First asked, then deleted by their keys: as one statement, a server that had not counted the table's rows yet read
 * the whole table for each of them.
 *
 * @returns how many were there
 */
export async function deleteExpiredSessions(
  tx: Db,
  past: { readonly end: 'expires_at' | 'last_seen_at'; readonly at: Date; readonly limit: number },
): Promise<number> {
  const expired = await tx
    .selectFrom('sessions')
    .select('token_hash')
    .where(past.end, '<=', past.at.getTime())
    .orderBy(past.end)
    .limit(past.limit)
    .execute()
  if (expired.length === 0) return 0
  const result = await tx
    .deleteFrom('sessions')
    .where(
      'token_hash',
      'in',
      expired.map((row) => row.token_hash),
    )
    // Once more: on PostgreSQL one that was used between the two is there with other values.
    .where(past.end, '<=', past.at.getTime())
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
