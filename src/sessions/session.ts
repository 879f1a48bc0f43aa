import { type Initiator, SERVICE } from '../audit/audit-event.ts'
import { recordEvent, recordFailure } from '../audit/record.ts'
import { hashOpaqueToken, makeOpaqueToken, type TokenHash } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import { countSessions, type SessionEnd } from '../db/session-counts.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { User } from '../users/user.ts'
import { isFullLogin, type Proof, provesSecondFactor, unitedAmr } from './amr.ts'
import { findSession } from './session-lookup-store.ts'
import {
  deleteExpiredSessions,
  deleteOldestSessions,
  deleteSession,
  deleteSessionByTokenHash,
  deleteSessionIfExpired,
  deleteSessionsOfUser,
  holdSession,
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
  /** When a second factor, or two in one, was last proved in this session; `null`: never. */
  readonly secondFactorAt: Date | null
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

type EventDeps = Pick<Deps, 'clock' | 'random' | 'keys'>

/** CHECKLIST R072 (ASVS V7.1.2): the 51st login ends the oldest session. */
export const MAX_SESSIONS_PER_USER = 50

/**
 * Begin a session inside the caller's transaction. The token is returned once, for the cookie; the database holds its SHA-256.
 * The caller records the login; a session that has to go for this one is recorded here.
 */
export async function issueSession(
  deps: EventDeps & Pick<Deps, 'config'>,
  tx: Db,
  session: Origin & { readonly userId: string; readonly amr: readonly string[] },
): Promise<{ readonly token: string; readonly id: SessionPublicId }> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  const id = deps.random.uuid()
  const count = await insertSession(tx, {
    ...session,
    tokenHash,
    id,
    secondFactor: provesSecondFactor(session.amr),
    now: new Date(now),
    expiresAt: new Date(now + deps.config.session.absoluteSeconds * 1_000),
  })
  countSessions(tx, 'created', 1)
  if (count >= MAX_SESSIONS_PER_USER) {
    const ended = await deleteOldestSessions(tx, session.userId, id, MAX_SESSIONS_PER_USER)
    countSessions(tx, 'too_many', ended.length)
    for (const old of ended)
      await recordEvent(deps, tx, { ...SERVICE, ...ENDED, subject: session.userId, session: old, reason: 'too_many' })
  }
  return { token, id }
}

const ENDED = { name: 'session_ended', outcome: 'success' } as const

/**
 * The live session of a token, or `null`: unknown, ended, expired, or its user disabled. Judged by the database's row at every call,
 * so an end takes effect at the very next request (CHECKLIST R064, R073).
 */
export async function verifySession(deps: EventDeps & Pick<Deps, 'database' | 'config'>, token: unknown): Promise<Session | null> {
  const tokenHash = hashOpaqueToken(token)
  if (tokenHash === null) return null
  const found = await findSession(deps.database, tokenHash)
  if (!found || found.user.disabled) return null
  // It began before a second factor was required of everyone (CHECKLIST R139).
  if (deps.config.secondFactor === 'required' && !isFullLogin(found.amr)) return null
  const idleEnd = found.lastSeenAt.getTime() + deps.config.session.idleSeconds * 1_000
  const expiresAt = Math.min(idleEnd, found.absoluteEnd.getTime())
  if (expiresAt > deps.clock.now()) return { ...found, tokenHash, expiresAt: new Date(expiresAt) }
  await removeExpired(deps, tokenHash)
  return null
}

/** What was refused as expired is gone before the refusal is sent, so that a clock that is set back does not bring it to life. */
async function removeExpired(deps: EventDeps & Pick<Deps, 'database' | 'config'>, tokenHash: TokenHash): Promise<void> {
  const now = new Date(deps.clock.now())
  try {
    await deps.database.inTransaction(async (tx) => {
      const ended = await deleteSessionIfExpired(tx, tokenHash, { now, lastSeenBefore: idleStart(deps.config, now) })
      if (ended) await recordEvent(deps, tx, { ...SERVICE, ...EXPIRED, subject: ended.userId, session: ended.id })
    })
  } catch (error) {
    // It has expired all the same, and the sweeper will come.
    if (!(error instanceof AuthError)) throw error
  }
}

const EXPIRED = { name: 'session_expired', outcome: 'success' } as const

/** A session that was seen last at this moment or before has ended. */
function idleStart(config: Deps['config'], now: Date): Date {
  return new Date(now.getTime() - config.session.idleSeconds * 1_000)
}

/**
 * A new token for a session that has proved a factor (again): the old one is dead at once (CHECKLIST R059). Of two renewals that race, one wins.
 *
 * @throws AuthError `session_required` - the session ended, or was renewed, meanwhile
 */
export async function renewSession(
  deps: EventDeps,
  tx: Db,
  session: Session,
  { proved, by }: { readonly proved: Proof; readonly by: Initiator },
): Promise<string> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const amr = unitedAmr(session.amr, [proved])
  const at = new Date(deps.clock.now())
  const secondFactor = provesSecondFactor([proved])
  const renewed = await replaceSessionToken(tx, { from: session.tokenHash, to: tokenHash, at, amr, secondFactor })
  if (!renewed) throw new AuthError('session_required')
  await recordEvent(deps, tx, { ...by, name: 'session_renewed', outcome: 'success', subject: session.user.id, session: session.id })
  return token
}

/**
 * Within the caller's transaction: this session is still there. For what must not be done by whoever was thrown out while their request was read.
 *
 * @throws AuthError `session_required`
 */
export async function requireLiveIn(tx: Db, session: Session): Promise<void> {
  if (!(await holdSession(tx, session.tokenHash))) throw new AuthError('session_required', { logged: 'ended meanwhile' })
}

/** End the session of a token; one that is none changes nothing. */
export async function endSessionOfToken(deps: EventDeps & Pick<Deps, 'database'>, token: unknown, by: Initiator): Promise<void> {
  if (hashOpaqueToken(token) !== null) await deps.database.inTransaction((tx) => endTokenIn(deps, tx, { token, reason: 'logout', by }))
}

/** For a login on a browser that still holds a session: that one ends with it (CHECKLIST R075). */
export async function endSessionOfTokenIn(deps: EventDeps, tx: Db, token: unknown, by: Initiator): Promise<void> {
  await endTokenIn(deps, tx, { token, reason: 'replaced', by })
}

interface TokenEnd {
  readonly token: unknown
  readonly reason: SessionEnd
  readonly by: Initiator
}

async function endTokenIn(deps: EventDeps, tx: Db, { token, reason, by }: TokenEnd): Promise<void> {
  const tokenHash = hashOpaqueToken(token)
  const ended = tokenHash && (await deleteSessionByTokenHash(tx, tokenHash))
  if (!ended) return
  countSessions(tx, reason, 1)
  await recordEvent(deps, tx, { ...by, ...ENDED, subject: ended.userId, session: ended.id, reason })
}

/**
 * End one of a user's own sessions by its public id.
 *
 * @throws AuthError `session_not_found` - absent or somebody else's: callers cannot tell which (CHECKLIST R037, R067)
 */
export async function endSession(
  deps: EventDeps & Pick<Deps, 'database' | 'log'>,
  session: { readonly userId: string; readonly id: string },
  by: Initiator,
): Promise<void> {
  const { userId: subject, id } = session
  const ended = await deps.database.inTransaction(async (tx) => {
    if (!(await deleteSession(tx, subject, id))) return false
    countSessions(tx, 'revoked', 1)
    await recordEvent(deps, tx, { ...by, ...ENDED, subject, session: id, reason: 'revoked' })
    return true
  })
  if (ended) return
  // The id is whatever stood in the path, so it is not kept.
  await recordFailure(deps, { ...by, name: 'authz_fail', outcome: 'failure', subject, reason: 'session_not_found' }, subject)
  throw new AuthError('session_not_found')
}

/** End all of a user's sessions, or all but one. @returns how many */
export async function endSessionsOfUser(
  deps: EventDeps & Pick<Deps, 'database'>,
  { userId, except }: { readonly userId: string; readonly except?: SessionPublicId },
  by: Initiator,
): Promise<number> {
  return deps.database.inTransaction(async (tx) => {
    const count = await endSessionsIn(tx, userId, 'revoked', except)
    const reason = except === undefined ? 'all' : 'others'
    if (count > 0) await recordEvent(deps, tx, { ...by, ...ENDED, subject: userId, reason, detail: `sessions=${count}` })
    return count
  })
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
export async function removeExpiredSessions(deps: EventDeps & Pick<Deps, 'database' | 'config'>, limit: number): Promise<number> {
  const now = new Date(deps.clock.now())
  return deps.database.inTransaction(async (tx) => {
    const old = await deleteExpiredSessions(tx, { end: 'expires_at', at: now, limit })
    const idle = await deleteExpiredSessions(tx, { end: 'last_seen_at', at: idleStart(deps.config, now), limit })
    countSessions(tx, 'expired', old + idle)
    // One event for all of a batch: a row each would make the log outgrow what it tells of.
    if (old + idle > 0) await recordEvent(deps, tx, { ...SERVICE, ...EXPIRED, subject: null, detail: `sessions=${old + idle}` })
    return old + idle
  })
}
