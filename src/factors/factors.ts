import type { Initiator } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { queueMail } from '../mail/mail.ts'
import type { Factor } from '../mail/message.ts'
import { endSessionsOfUser } from '../sessions/session.ts'
import type { User } from '../users/user.ts'
import { deleteRecoveryCodesOf, deleteTicketsOf, lockUser, selectFactors } from './factor-store.ts'

/** What a user can prove who they are with, counted in the rows as they are at this moment, and cached nowhere (CHECKLIST R169). */
export interface Factors {
  readonly hasPassword: boolean
  readonly hasTotp: boolean
  readonly passkeys: number
  /** Not used yet. */
  readonly recoveryCodes: number
}

/** A login with a password or a mailed code is not complete without one of these. */
export function hasSecondFactor({ hasTotp, passkeys }: Factors): boolean {
  return hasTotp || passkeys > 0
}

/** @throws AuthError `session_required` - the user is gone */
export async function findFactors(db: Db, userId: string): Promise<Factors> {
  const factors = await selectFactors(db, userId)
  if (!factors) throw new AuthError('session_required', { logged: 'the user is gone' })
  return factors
}

/** Words for a user's factors, as the account and the login name them. */
export function factorNames(factors: Factors): ('password' | 'totp' | 'passkey' | 'recovery_code')[] {
  return [...(factors.hasPassword ? ['password' as const] : []), ...secondFactorNames(factors)]
}

/** The ones that complete a login which has begun. */
export function secondFactorNames({ hasTotp, passkeys, recoveryCodes }: Factors): ('totp' | 'recovery_code' | 'passkey')[] {
  return [
    ...(hasTotp ? ['totp' as const] : []),
    ...(recoveryCodes > 0 ? ['recovery_code' as const] : []),
    ...(passkeys > 0 ? ['passkey' as const] : []),
  ]
}

interface Change {
  readonly user: Pick<User, 'id' | 'email'>
  readonly factor: Factor
  readonly by: Initiator
}

/** Within a transaction that changes the factors of a user: one at a time. @throws AuthError `session_required` - gone, or disabled meanwhile */
export async function holdFactors(tx: Db, userId: string): Promise<void> {
  if (!(await lockUser(tx, userId))) throw new AuthError('session_required', { logged: 'the user is gone or disabled' })
}

/**
 * Within the transaction that added a factor: logins that wait for a second one begin anew, the log has it, and the owner is told (CHECKLIST R140, R163, R173; NIST
 * SP 800-63B-4 section 4.6).
 */
export async function factorAdded(deps: RuleDeps, tx: Db, { user, factor, by }: Change): Promise<void> {
  await deleteTicketsOf(tx, user.id)
  await recordEvent(deps, tx, { ...by, name: 'factor_added', outcome: 'success', subject: user.id, detail: factor })
  await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'factor_added', factor } })
}

/**
 * Within the transaction that removed a factor, after {@link holdFactors}: a usable one must be left, and a second one where it is required of everyone (CHECKLIST R164,
 * R172). With the last second factor the recovery codes go, which stood in for it. A mailed code alone is none: it proves a mailbox, not its owner.
 *
 * @throws AuthError `last_factor` - and nothing changes
 */
export async function factorRemoved(deps: RuleDeps, tx: Db, { user, factor, by }: Change): Promise<void> {
  const left = await findFactors(tx, user.id)
  const isUsable = left.hasPassword || left.passkeys > 0
  const isEnough = deps.config.secondFactor === 'optional' || hasSecondFactor(left)
  if (!isUsable || !isEnough) throw new AuthError('last_factor')
  if (!hasSecondFactor(left)) await deleteRecoveryCodesOf(tx, user.id)
  await deleteTicketsOf(tx, user.id)
  await recordEvent(deps, tx, { ...by, name: 'factor_removed', outcome: 'success', subject: user.id, detail: factor })
  await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'factor_removed', factor } })
}

/**
 * After a change of factors: end the user's other sessions, where that is wished (CHECKLIST R069; ASVS 5.0 V7.4.3). A transaction of its own: the change stands, whatever comes
 * of this.
 */
export async function endOthersIf(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys'>,
  wished: boolean | undefined,
  { userId, sessionId }: { readonly userId: string; readonly sessionId: string | null },
  by: Initiator,
): Promise<void> {
  if (wished && sessionId !== null) await endSessionsOfUser(deps, { userId, except: sessionId }, by)
}

type RuleDeps = Pick<Deps, 'clock' | 'random' | 'keys' | 'config'>

/**
 * Who adds a factor, and by what right: a session with a fresh proof, or the ticket of a login where a second factor is required and there is none yet
 * (login/factor-rights.ts). What is begun by the one cannot be finished by another.
 */
export interface FactorRight {
  readonly user: User
  /** Names the session or the ticket. */
  readonly boundTo: string
  /** `null`: a ticket. */
  readonly sessionId: string | null
  readonly by: Initiator
  /**
   * Within the transaction that adds the factor: the right is still there, and is used up where it can be used once. A session goes on under a new token, which has proved
   * the factor (CHECKLIST R059).
   *
   * @throws AuthError `session_required`, `ticket_invalid`
   */
  claim(tx: Db, proved: 'otp' | 'pop'): Promise<ClaimedRight>
}

/** The way on, after the commit. */
export type ClaimedRight =
  | { readonly kind: 'session'; readonly sessionToken: string }
  /** What the ticket had proved: the login goes on with it and the new factor. */
  | { readonly kind: 'ticket'; readonly amr: readonly string[] }
