import { hashOpaqueToken, makeOpaqueToken } from '../crypto/opaque-token.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { hashNewPassword, hashPassword, storeNewPassword } from '../passwords/password.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findUserByEmail, isEnabled } from '../users/user.ts'
import {
  consumeResetToken,
  deleteExpiredResetTokens,
  deleteResetTokenIfExpired,
  findResetToken,
  putResetToken,
} from './password-reset-store.ts'

type ResetDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'config' | 'hashQueue'>

/**
 * A token that sets a new password, good for `config.resetTokenSeconds` (60 minutes; CHECKLIST R093). It takes the place of an earlier one (R095);
 * asking ends no session and blocks no login (R101). Only its SHA-256 is stored.
 *
 * @throws AuthError `user_not_found` - unknown or disabled
 */
export async function requestReset(deps: ResetDeps, address: unknown): Promise<string> {
  const user = await findUserByEmail(deps, address)
  if (!user) throw new AuthError('user_not_found', { logged: 'unknown_address' })
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  const expiresAt = new Date(now + deps.config.resetTokenSeconds * 1_000)
  await deps.database.inTransaction(async (tx) => {
    if (!(await isEnabled(tx, user))) throw new AuthError('user_not_found', { logged: 'changed meanwhile' })
    await putResetToken(tx, { tokenHash, userId: user.id, createdAt: new Date(now), expiresAt })
  })
  return token
}

/**
 * Set a new password with a reset token, and log the user out everywhere. No login follows (CHECKLIST R104).
 *
 * Consuming the token, writing the hash and ending the sessions are one transaction: a replay, a race or a crash half-way changes nothing (R094).
 * A password that the policy refuses consumes nothing.
 *
 * @throws AuthError `reset_token_invalid` - missing, unknown, used, superseded, expired, or another user's: callers cannot tell which
 * @throws AuthError `field_required`, `password_rejected`, `busy`
 */
export async function resetPassword(
  deps: ResetDeps,
  input: { readonly email: unknown; readonly resetToken: unknown; readonly newPassword: unknown },
): Promise<void> {
  const { userId, email } = await requireResetToken(deps, input.resetToken)
  if (parseEmailAddress(input.email)?.canonical !== email.canonical) throw new AuthError('reset_token_invalid', { logged: 'other_address' })
  const hash = await hashNewPassword(deps, input.newPassword, { email: email.address, field: 'new_password' })
  await consumeAndStore(deps, input.resetToken, userId, hash)
}

/** CONTRACT task 18: the same for code that is trusted: no address is asked for and no policy applies. */
export async function updatePassword(deps: ResetDeps, resetToken: unknown, password: unknown): Promise<void> {
  const { userId } = await requireResetToken(deps, resetToken)
  await consumeAndStore(deps, resetToken, userId, await hashPassword(deps, password))
}

/** Looked at before hashing, so that a bad token costs no hash; consumed after, by the statement that counts. */
async function requireResetToken(deps: ResetDeps, token: unknown) {
  const tokenHash = hashOpaqueToken(token)
  const found = tokenHash && (await findResetToken(deps.database.reads, tokenHash))
  if (!tokenHash || !found) throw new AuthError('reset_token_invalid', { logged: tokenHash ? 'unknown' : 'malformed' })
  if (found.expiresAt.getTime() > deps.clock.now()) return found
  // Gone before the refusal is sent, so that a clock that is set back does not bring it to life.
  await deps.database.inTransaction((tx) => deleteResetTokenIfExpired(tx, tokenHash, new Date(deps.clock.now())))
  throw new AuthError('reset_token_invalid', { logged: 'expired' })
}

async function consumeAndStore(deps: ResetDeps, token: unknown, userId: string, hash: string): Promise<void> {
  const tokenHash = hashOpaqueToken(token)
  await deps.database.inTransaction(async (tx) => {
    const consumed = tokenHash !== null && (await consumeResetToken(tx, tokenHash, new Date(deps.clock.now())))
    if (!consumed) throw new AuthError('reset_token_invalid', { logged: 'used meanwhile' })
    await storeNewPassword(deps, tx, { userId, hash })
  })
}

/** Remove at most `limit` tokens that expired. @returns how many */
export async function removeExpiredResetTokens(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredResetTokens(tx, new Date(deps.clock.now()), limit))
}
