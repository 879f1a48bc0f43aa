import { hashOpaqueToken, makeOpaqueToken, type TokenHash } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import { countSessions, type SessionEnd } from '../db/session-counts.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { User } from '../users/user.ts'
import {
  deleteExpiredSessions,
  deleteOldestSessions,
  deleteSession,
  deleteSessionByTokenHash,
  deleteSessionIfExpired,
  deleteSessionsOfUser,
  findSession,
  insertSession,
  listSessionsOfUser,
  replaceSessionToken,
} from './session-store.ts'

/** A session's public id: for its owner's list, unrelated to the token. */
export type SessionPublicId = string & { readonly brand?: 'SessionPublicId' }

/** What a live session says about its bearer. */
export interface Session {
  /** Of the token that was presented; what a renewal must find unchanged. */
  readonly tokenHash: TokenHash
  readonly id: SessionPublicId
  readonly user: User
  readonly createdAt: Date
  /** When a factor was last proved in this session. */
  readonly authenticatedAt: Date
  readonly lastSeenAt: Date
  /** The moment it ends if it is not used again: the idle end, or the absolute one if that is earlier. */
  readonly expiresAt: Date
  /** RFC 8176 words. */
  readonly amr: readonly string[]
}

export interface ListedSession {
  readonly id: SessionPublicId
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  readonly userAgent: string | null
  readonly address: string | null
}

/** Where a login came from. */
export interface SessionOrigin {
  readonly userAgent: string | null
  readonly address: string | null
}

/** CHECKLIST R072 (ASVS V7.1.2): the 51st login ends the oldest session. */
export const MAX_SESSIONS_PER_USER = 50

/**
 * Begin a session inside the caller's transaction. The token is returned once, for the cookie; the database holds its SHA-256.
 */
export async function issueSession(
  deps: Pick<Deps, 'clock' | 'random' | 'config'>,
  tx: Db,
  session: SessionOrigin & { readonly userId: string; readonly amr: readonly string[] },
): Promise<string> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  const id = deps.random.uuid()
  const count = await insertSession(tx, {
    ...session,
    tokenHash,
    id,
    now: new Date(now),
    expiresAt: new Date(now + deps.config.session.absoluteSeconds * 1_000),
  })
  countSessions(tx, 'created', 1)
  if (count >= MAX_SESSIONS_PER_USER)
    countSessions(tx, 'too_many', await deleteOldestSessions(tx, session.userId, id, MAX_SESSIONS_PER_USER))
  return token
}

/**
 * The live session of a token, or `null`: unknown, ended, expired, or its user disabled. Judged by the database's row at every call,
 * so an end takes effect at the very next request (CHECKLIST R064, R073).
 */
export async function verifySession(deps: Pick<Deps, 'database' | 'clock' | 'config'>, token: unknown): Promise<Session | null> {
  const tokenHash = hashOpaqueToken(token)
  if (tokenHash === null) return null
  const found = await findSession(deps.database, tokenHash)
  if (!found || found.user.disabled) return null
  const idleEnd = found.lastSeenAt.getTime() + deps.config.session.idleSeconds * 1_000
  const expiresAt = Math.min(idleEnd, found.absoluteEnd.getTime())
  if (expiresAt > deps.clock.now()) return { ...found, tokenHash, expiresAt: new Date(expiresAt) }
  await removeExpired(deps, tokenHash)
  return null
}

/** What was refused as expired is gone before the refusal is sent, so that a clock that is set back does not bring it to life. */
async function removeExpired(deps: Pick<Deps, 'database' | 'clock' | 'config'>, tokenHash: TokenHash): Promise<void> {
  const now = new Date(deps.clock.now())
  try {
    await deps.database.inTransaction((tx) => deleteSessionIfExpired(tx, tokenHash, { now, lastSeenBefore: idleStart(deps.config, now) }))
  } catch (error) {
    // It has expired all the same, and the sweeper will come.
    if (!(error instanceof AuthError)) throw error
  }
}

/** A session that was seen last at this moment or before has ended. */
function idleStart(config: Deps['config'], now: Date): Date {
  return new Date(now.getTime() - config.session.idleSeconds * 1_000)
}

/**
 * A new token for the same session: the old one is dead at once (CHECKLIST R059). Of two renewals that race, one wins.
 *
 * @throws AuthError `session_required` - the session ended, or was renewed, meanwhile
 */
export async function renewSession(deps: Pick<Deps, 'clock' | 'random'>, tx: Db, session: Session): Promise<string> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const renewed = await replaceSessionToken(tx, { from: session.tokenHash, to: tokenHash, at: new Date(deps.clock.now()) })
  if (!renewed) throw new AuthError('session_required')
  return token
}

/** End the session of a token; one that is none changes nothing. */
export async function endSessionOfToken(deps: Pick<Deps, 'database'>, token: unknown): Promise<void> {
  if (hashOpaqueToken(token) !== null) await deps.database.inTransaction((tx) => endTokenIn(tx, token, 'logout'))
}

/** For a login on a browser that still holds a session: that one ends with it (CHECKLIST R075). */
export async function endSessionOfTokenIn(tx: Db, token: unknown): Promise<void> {
  await endTokenIn(tx, token, 'replaced')
}

async function endTokenIn(tx: Db, token: unknown, reason: SessionEnd): Promise<void> {
  const tokenHash = hashOpaqueToken(token)
  if (tokenHash !== null) countSessions(tx, reason, await deleteSessionByTokenHash(tx, tokenHash))
}

/**
 * End one of a user's own sessions by its public id.
 *
 * @throws AuthError `session_not_found` - absent or somebody else's: callers cannot tell which (CHECKLIST R037, R067)
 */
export async function endSession(deps: Pick<Deps, 'database'>, userId: string, sessionId: string): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    if (!(await deleteSession(tx, userId, sessionId))) throw new AuthError('session_not_found')
    countSessions(tx, 'revoked', 1)
  })
}

/** End all of a user's sessions, or all but one. @returns how many */
export async function endSessionsOfUser(deps: Pick<Deps, 'database'>, userId: string, except?: SessionPublicId): Promise<number> {
  return deps.database.inTransaction((tx) => endSessionsIn(tx, userId, 'revoked', except))
}

/** The same within the caller's transaction. */
export async function endSessionsIn(tx: Db, userId: string, reason: SessionEnd, except?: SessionPublicId): Promise<number> {
  const count = await deleteSessionsOfUser(tx, userId, except)
  countSessions(tx, reason, count)
  return count
}

/** The live sessions of a user, newest first. */
export async function listSessions(deps: Pick<Deps, 'database' | 'clock' | 'config'>, userId: string): Promise<ListedSession[]> {
  const now = deps.clock.now()
  const idleMilliseconds = deps.config.session.idleSeconds * 1_000
  const rows = await listSessionsOfUser(deps.database.reads, userId)
  return rows
    .map(({ absoluteEnd, ...row }) => ({
      ...row,
      expiresAt: new Date(Math.min(row.lastSeenAt.getTime() + idleMilliseconds, absoluteEnd.getTime())),
    }))
    .filter((row) => row.expiresAt.getTime() > now)
}

/** Remove at most `limit` sessions past their absolute end, and as many past their idle one; they were refused all along. @returns how many in all */
export async function removeExpiredSessions(deps: Pick<Deps, 'database' | 'clock' | 'config'>, limit: number): Promise<number> {
  const now = new Date(deps.clock.now())
  return deps.database.inTransaction(async (tx) => {
    const old = await deleteExpiredSessions(tx, { end: 'expires_at', at: now, limit })
    const idle = await deleteExpiredSessions(tx, { end: 'last_seen_at', at: idleStart(deps.config, now), limit })
    countSessions(tx, 'expired', old + idle)
    return old + idle
  })
}
