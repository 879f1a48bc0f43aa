import type { Database, Db, KeptQuery } from '../db/database.ts'
import type { User } from '../users/user.ts'
import { toUser, type UserRow } from '../users/user-store.ts'
import type { SessionOrigin, SessionPublicId } from './session.ts'

interface FoundSession {
  readonly id: SessionPublicId
  readonly user: User
  readonly createdAt: Date
  readonly authenticatedAt: Date
  readonly lastSeenAt: Date
  readonly absoluteEnd: Date
  readonly amr: readonly string[]
}

interface SessionRow {
  readonly session_id: string
  readonly session_created_at: number
  readonly authenticated_at: number
  readonly last_seen_at: number
  readonly expires_at: number
  readonly amr: string
}

type JoinedRow = SessionRow & Omit<UserRow, 'email_canonical' | 'updated_at'>
type Lookup = KeptQuery<{ tokenHash: Uint8Array }, JoinedRow>

/** One prepared look-up a database: session and user in one query (the service's hot path). */
const lookups = new WeakMap<Database, Lookup>()

function lookupOf(database: Database): Lookup {
  const known = lookups.get(database)
  if (known) return known
  const lookup: Lookup = database.keep((db, arg) =>
    db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select([
        'sessions.id as session_id',
        'sessions.created_at as session_created_at',
        'sessions.authenticated_at',
        'sessions.last_seen_at',
        'sessions.expires_at',
        'sessions.amr',
        'users.id',
        'users.external_id',
        'users.email',
        'users.email_verified_at',
        'users.password_hash',
        'users.password_changed_at',
        'users.name',
        'users.metadata',
        'users.disabled_at',
        'users.created_at',
      ])
      .where('sessions.token_hash', '=', arg('tokenHash')),
  )
  lookups.set(database, lookup)
  return lookup
}

export async function findSession(database: Database, tokenHash: Uint8Array): Promise<FoundSession | null> {
  const rows = lookupOf(database)({ tokenHash })
  const [row] = rows instanceof Promise ? await rows : rows
  if (!row) return null
  return {
    id: row.session_id,
    user: toUser(row),
    createdAt: new Date(row.session_created_at),
    authenticatedAt: new Date(row.authenticated_at),
    lastSeenAt: new Date(row.last_seen_at),
    absoluteEnd: new Date(row.expires_at),
    amr: row.amr.split(' '),
  }
}

export async function insertSession(
  tx: Db,
  session: SessionOrigin & {
    readonly tokenHash: Uint8Array
    readonly id: string
    readonly userId: string
    readonly amr: readonly string[]
    readonly now: Date
    readonly expiresAt: Date
  },
): Promise<void> {
  const now = session.now.getTime()
  await tx
    .insertInto('sessions')
    .values({
      token_hash: session.tokenHash,
      id: session.id,
      user_id: session.userId,
      created_at: now,
      authenticated_at: now,
      last_seen_at: now,
      expires_at: session.expiresAt.getTime(),
      amr: session.amr.join(' '),
      user_agent: session.userAgent,
      address: session.address,
    })
    .execute()
}

/** Keep the newest `keep` sessions of a user. */
export async function deleteOldestSessions(tx: Db, userId: string, keep: number): Promise<void> {
  await tx
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('id', 'in', (query) =>
      query
        .selectFrom('sessions')
        .select('id')
        .where('user_id', '=', userId)
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .limit(1_000)
        .offset(keep),
    )
    .execute()
}

export async function replaceSessionToken(tx: Db, sessionId: string, tokenHash: Uint8Array, authenticatedAt: Date): Promise<boolean> {
  const result = await tx
    .updateTable('sessions')
    .set({ token_hash: tokenHash, authenticated_at: authenticatedAt.getTime(), last_seen_at: authenticatedAt.getTime() })
    .where('id', '=', sessionId)
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

export async function deleteSessionByTokenHash(tx: Db, tokenHash: Uint8Array): Promise<void> {
  await tx.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute()
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

/** At most `limit` sessions that ended by themselves. @returns how many were there */
export async function deleteExpiredSessions(
  tx: Db,
  ends: { readonly now: Date; readonly lastSeenBefore: Date; readonly limit: number },
): Promise<number> {
  const result = await tx
    .deleteFrom('sessions')
    .where('id', 'in', (query) =>
      query
        .selectFrom('sessions')
        .select('id')
        .where((is) => is.or([is('expires_at', '<=', ends.now.getTime()), is('last_seen_at', '<=', ends.lastSeenBefore.getTime())]))
        .limit(ends.limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
