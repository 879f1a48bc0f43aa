import { type Initiator, SERVICE } from '../audit/audit-event.ts'
import { identifierDetail, recordEvent, recordFailure } from '../audit/record.ts'
import { hashOpaqueToken, makeOpaqueToken } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { voidSecondFactorsIn } from '../factors/remove-factors.ts'
import { queueMail } from '../mail/mail.ts'
import { hashNewPassword, hashPassword, storeNewPassword } from '../passwords/password.ts'
import { takeAllowance } from '../throttles/allowance.ts'
import { type Reservation, releaseAttempt, reserveTokenTry, succeedAttempt } from '../throttles/throttle.ts'
import { enableLoginCodes } from '../throttles/throttle-admin.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findUserByEmail, findUserById, findUserIn, isEnabled, markVerified, voidUndosIn } from '../users/user.ts'
import {
  consumeResetToken,
  deleteExpiredResetTokens,
  deleteResetTokenIfExpired,
  findResetToken,
  putResetToken,
} from './password-reset-store.ts'

type ResetDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log' | 'config' | 'hashQueue'>
type MailDeps = Pick<Deps, 'clock' | 'random' | 'keys' | 'config' | 'database'>

/**
 * A token that sets a new password, good for `config.resetTokenSeconds` (60 minutes; CHECKLIST R093). It takes the place of an earlier one (R095);
 * asking ends no session and blocks no login (R101). Only its SHA-256 is stored. Whoever calls this gets the token: the library's application, and in classic whoever asks.
 *
 * @throws AuthError `user_not_found` - unknown or disabled
 */
export async function requestReset(deps: ResetDeps, address: unknown, by: Initiator): Promise<string> {
  const user = await findUserByEmail(deps, address)
  if (!user) {
    const unknown = identifierDetail(deps, parseEmailAddress(address)?.canonical ?? null)
    const event = { ...by, ...TOKEN, ...unknown, outcome: 'failure', subject: null, reason: 'unknown_address' } as const
    await recordFailure(deps, event, by.origin.address ?? '')
    throw new AuthError('user_not_found', { logged: 'unknown_address' })
  }
  return deps.database.inTransaction(async (tx) => {
    if (!(await isEnabled(tx, user))) throw new AuthError('user_not_found', { logged: 'changed meanwhile' })
    return (await makeResetToken(deps, tx, { userId: user.id, mailedTo: null, by })).token
  })
}

const TOKEN = { name: 'authn_token_created', detail: 'reset' } as const

async function makeResetToken(
  deps: Pick<Deps, 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  { userId, mailedTo, by }: { readonly userId: string; readonly mailedTo: string | null; readonly by: Initiator },
) {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  const expiresAt = new Date(now + deps.config.resetTokenSeconds * 1_000)
  await putResetToken(tx, { tokenHash, userId, createdAt: new Date(now), expiresAt, mailedTo })
  await recordEvent(deps, tx, { ...by, ...TOKEN, outcome: 'success', subject: userId })
  return { token, expiresAt }
}

/**
 * The mail that somebody asked for who has forgotten a password: to the address that is stored, never to the one in the request (CHECKLIST R107), for a user who is
 * there and enabled. Decided outside of the request, so that its answer and its time are the same for every address (R032).
 */
export async function resolveReset(deps: MailDeps, tx: Db, canonicalAddress: string): Promise<void> {
  const user = await findUserIn(tx, canonicalAddress)
  // On PostgreSQL nobody disables them, or gives them another address, between this and the commit.
  if (!user || !(await isEnabled(tx, user))) return
  if (!(await takeAllowance(deps, { what: 'mail_recipient', kind: 'reset_password', canonicalAddress }, tx))) return
  const { token, expiresAt } = await makeResetToken(deps, tx, { userId: user.id, mailedTo: canonicalAddress, by: SERVICE })
  await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'reset_password', token }, expiresAt })
}

interface NewPassword {
  readonly resetToken: unknown
  readonly newPassword: unknown
  /** What the new password's field is called. */
  readonly field: string
  readonly by: Initiator
}

/**
 * Set a new password with a reset token, and log the user out everywhere. No login follows (CHECKLIST R104), and the owner is told (R106).
 *
 * Consuming the token, writing the hash and ending the sessions are one transaction: a replay, a race or a crash half-way changes nothing (R094).
 * A password that the policy refuses consumes nothing.
 *
 * `email`, where it is given, must be the token's own.
 *
 * @throws AuthError `reset_token_invalid` - missing, unknown, used, superseded, expired, or another user's: callers cannot tell which
 * @throws AuthError `field_required`, `password_rejected`, `busy`
 * @throws AuthError `too_many_attempts` - of the address that it comes from
 */
export async function resetPassword(deps: ResetDeps, input: NewPassword & { readonly email?: unknown }): Promise<void> {
  const { by } = input
  const reservation = await reserveTokenTry(deps, by.origin.address)
  const { userId, email } = await requireResetToken(deps, input.resetToken, by)
  if ('email' in input && parseEmailAddress(input.email)?.canonical !== email.canonical)
    return refuseToken(deps, { reason: 'other_address', userId, by })
  const hash = await hashNewPassword(deps, input.newPassword, { email: email.address, field: input.field }).catch(
    async (error: unknown) => {
      // The token was right; what is refused is the password.
      await releaseAttempt(deps, reservation)
      throw error
    },
  )
  await consumeAndStore(deps, { token: input.resetToken, userId, hash, reservation, by })
}

/** CONTRACT task 18: the same for code that is trusted: no address is asked for and no policy applies. */
export async function updatePassword(
  deps: ResetDeps,
  { token, password, by }: { readonly token: unknown; readonly password: unknown; readonly by: Initiator },
): Promise<void> {
  const { userId } = await requireResetToken(deps, token, by)
  await consumeAndStore(deps, { token, userId, hash: await hashPassword(deps, password), reservation: null, by })
}

/** Looked at before hashing, so that a bad token costs no hash; consumed after, by the statement that counts. */
async function requireResetToken(deps: ResetDeps, token: unknown, by: Initiator) {
  const tokenHash = hashOpaqueToken(token)
  const found = tokenHash && (await findResetToken(deps.database.reads, tokenHash))
  if (!tokenHash || !found) return refuseToken(deps, { reason: tokenHash ? 'unknown' : 'malformed', userId: null, by })
  if (found.expiresAt.getTime() > deps.clock.now()) return found
  // Gone before the refusal is sent, so that a clock that is set back does not bring it to life.
  await deps.database.inTransaction((tx) => deleteResetTokenIfExpired(tx, tokenHash, new Date(deps.clock.now())))
  return refuseToken(deps, { reason: 'expired', userId: found.userId, by })
}

interface Refusal {
  readonly reason: string
  readonly userId: string | null
  readonly by: Initiator
}

async function refuseToken(deps: ResetDeps, { reason, userId, by }: Refusal): Promise<never> {
  const event = { ...by, name: 'authn_token_fail', outcome: 'failure', subject: userId, reason, detail: 'reset' } as const
  // Tokens that nobody has cost whoever tries them nothing.
  await recordFailure(deps, event, userId === null ? (by.origin.address ?? '') : undefined)
  throw new AuthError('reset_token_invalid', { logged: reason })
}

interface Change {
  readonly token: unknown
  readonly userId: string
  readonly hash: string
  readonly reservation: Reservation | null
  readonly by: Initiator
}

async function consumeAndStore(deps: ResetDeps, { token, userId, hash, reservation, by }: Change): Promise<void> {
  const tokenHash = hashOpaqueToken(token)
  const consumed = await deps.database.inTransaction(async (tx) => {
    const now = new Date(deps.clock.now())
    const used = tokenHash === null ? null : await consumeResetToken(tx, tokenHash, now)
    if (!used) return false
    // A token that came by mail proves its mailbox, and no other; one that an application handed out proves nothing to us.
    if (used.mailedTo !== null && !(await ownMailbox(deps, tx, userId, { mailedTo: used.mailedTo, now }))) return false
    await storeNewPassword(deps, tx, { userId, hash, by })
    if (reservation !== null) await succeedAttempt(tx, reservation)
    return true
  })
  if (!consumed) await refuseToken(deps, { reason: 'used_meanwhile', userId, by })
}

/**
 * Whoever opened the mail owns the account: ways back for former addresses end (CHECKLIST R116), and codes are looked at again. Second factors of an address that was verified
 * stay (R103); in hardened, those of one that never was go with whoever added them.
 */
async function ownMailbox(
  deps: Pick<Deps, 'config'>,
  tx: Db,
  userId: string,
  { mailedTo, now }: { readonly mailedTo: string; readonly now: Date },
): Promise<boolean> {
  const before = await findUserById(tx, userId)
  if (!(await markVerified(tx, userId, mailedTo, now))) return false
  if (deps.config.posture === 'hardened' && before?.emailVerified === false) await voidSecondFactorsIn(tx, userId)
  await voidUndosIn(tx, userId)
  await enableLoginCodes(tx, userId)
  return true
}

/** Remove at most `limit` tokens that expired. @returns how many */
export async function removeExpiredResetTokens(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredResetTokens(tx, new Date(deps.clock.now()), limit))
}
