import { hashOpaqueToken, makeOpaqueToken, type TokenHash } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { findUserById, type User } from '../users/user.ts'
import { deleteExpiredTickets, deleteTicket, findTicketRow, insertTicket } from './ticket-store.ts'

/** As long as a mailed code (ASVS 5.0 V6.5.5): time enough to fetch a phone. */
export const TICKET_SECONDS = 600

/** A login that has proved its first factor. */
export interface Ticket {
  readonly tokenHash: TokenHash
  readonly user: User
  /** What is proved so far. */
  readonly amr: readonly string[]
}

/**
 * Within the transaction of a first factor: the ticket with which the login goes on. It is no session and opens nothing else. Only its SHA-256 is stored; any change of the user's password,
 * address, factors or status ends it (the rules that make them delete it).
 */
export async function issueTicket(
  deps: Pick<Deps, 'clock' | 'random'>,
  tx: Db,
  login: { readonly userId: string; readonly amr: readonly string[] },
): Promise<string> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  await insertTicket(tx, { ...login, tokenHash, createdAt: new Date(now), expiresAt: new Date(now + TICKET_SECONDS * 1_000) })
  return token
}

/**
 * The login that a ticket stands for, before anything is evaluated or counted.
 *
 * @throws AuthError `ticket_invalid` - unknown, used, expired, ended; or its user is disabled
 */
export async function requireTicket(deps: Pick<Deps, 'database' | 'clock'>, token: unknown): Promise<Ticket> {
  const tokenHash = hashOpaqueToken(token)
  const { reads } = deps.database
  const found = tokenHash && (await findTicketRow(reads, tokenHash, new Date(deps.clock.now())))
  const user = found && (await findUserById(reads, found.userId))
  if (!tokenHash || !found || !user || user.disabled) throw new AuthError('ticket_invalid', { logged: tokenHash ? 'unknown' : 'malformed' })
  return { tokenHash, user, amr: found.amr }
}

/** 401 is what a login answers, and nothing else: elsewhere a ticket stands in a session's place, and a dead one is as good as none. */
export function asSession(error: unknown): never {
  if (error instanceof AuthError && error.code === 'ticket_invalid')
    throw new AuthError('session_required', { logged: `ticket ${error.details.logged}` })
  throw error
}

/** Within the transaction that completes the login: true for exactly one caller. */
export function consumeTicket(deps: Pick<Deps, 'clock'>, tx: Db, { tokenHash }: Ticket): Promise<boolean> {
  return deleteTicket(tx, tokenHash, new Date(deps.clock.now()))
}

/** What is begun with a ticket ends with it. */
export function ticketName({ tokenHash }: Ticket): string {
  return `ticket:${tokenHash}`
}

/** Remove at most `limit` tickets that expired. @returns how many */
export async function removeExpiredTickets(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredTickets(tx, new Date(deps.clock.now()), limit))
}
