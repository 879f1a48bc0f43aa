import type { Initiator } from '../audit/audit-event.ts'
import { recordEvent, recordFailure } from '../audit/record.ts'
import { hashWithArgon2id } from '../crypto/password-hash.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError, invalidField } from '../errors.ts'
import { queueMail } from '../mail/mail.ts'
import { endSessionsIn, renewSession, type Session } from '../sessions/session.ts'
import { requireSecondFactor } from '../step-up/step-up.ts'
import { issueDevice, voidDevices } from '../throttles/device.ts'
import { releaseAttempt, succeedAttempt } from '../throttles/throttle.ts'
import { enablePassword } from '../throttles/throttle-admin.ts'
import { voidProofsIn } from '../users/user.ts'
import { MAX_PASSWORD_BYTES, peppersOf, type TryDeps, tryPassword } from './check-password.ts'
import { checkBreaches, checkPasswordPolicy } from './password-policy.ts'
import { clearPasswordHash, setPasswordHash } from './password-store.ts'

type HashDeps = Pick<Deps, 'config' | 'hashQueue'>

/**
 * A salted Argon2id hash at the configured cost, over the NFC form (NIST SP 800-63B-4 section 3.1.1.2; CHECKLIST R006).
 *
 * @throws AuthError `field_invalid` - not a string, empty, ill-formed Unicode, above 1024 bytes
 * @throws AuthError `busy`
 */
export async function hashPassword(deps: HashDeps, password: unknown, field = 'password'): Promise<string> {
  const usable = requireHashable(password, field)
  return deps.hashQueue.run(() => hashWithArgon2id(usable.normalize('NFC'), deps.config.password.argon2, peppersOf(deps)))
}

function requireHashable(password: unknown, field: string): string {
  if (typeof password !== 'string' || password === '') throw new AuthError('field_required', { field })
  if (!password.isWellFormed()) throw invalidField(field, `The field "${field}" is not well-formed Unicode.`)
  if (Buffer.byteLength(password.normalize('NFC')) > MAX_PASSWORD_BYTES)
    throw invalidField(field, `The field "${field}" is longer than ${MAX_PASSWORD_BYTES} bytes.`)
  return password
}

/**
 * Check a new password against the policy, then hash it. For every place where a person chooses one.
 *
 * @throws AuthError `password_rejected` - `details.reason` says which rule
 * @throws AuthError `field_required`, `field_invalid`, `busy`
 */
export async function hashNewPassword(
  deps: HashDeps & Pick<Deps, 'log'>,
  password: unknown,
  context: { readonly email: string; readonly field: string },
): Promise<string> {
  return hashPassword(deps, await requireGoodPassword(deps, password, context), context.field)
}

/**
 * The same without the hash, for what is to be asked before its cost.
 *
 * @throws AuthError `password_rejected`, `field_required`, `field_invalid`
 */
export async function requireGoodPassword(
  deps: Pick<Deps, 'config' | 'log'>,
  password: unknown,
  context: { readonly email: string; readonly field: string },
): Promise<string> {
  const usable = requireHashable(password, context.field)
  checkPasswordPolicy(deps.config, usable, context)
  await checkBreaches(deps, usable, context.field)
  return usable
}

/**
 * Set a user's password to a hash made before. Within the caller's transaction, every session of the user, or every other one, their reset token and their known
 * devices end with it (CHECKLIST R068, R105), its counters begin anew (R040), and the owner is told (R106, R173).
 */
export async function storeNewPassword(
  deps: Pick<Deps, 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  change: { readonly userId: string; readonly hash: string; readonly keepSession?: string; readonly by: Initiator },
): Promise<void> {
  const { userId, keepSession, by } = change
  const address = await setPasswordHash(tx, userId, change.hash, new Date(deps.clock.now()))
  const reason = keepSession === undefined ? 'password_reset' : 'password_change'
  const ended = await endSessionsIn(tx, userId, reason, keepSession)
  await voidProofsIn(tx, userId)
  await voidDevices(tx, userId)
  await enablePassword(tx, userId)
  if (address !== null) await queueMail(deps, tx, { to: address, userId, message: { kind: 'password_changed' } })
  const event = { name: 'authn_password_change', outcome: 'success', subject: userId, reason } as const
  await recordEvent(deps, tx, { ...by, ...event, detail: `sessions_ended=${ended}` })
}

/**
 * Within the caller's transaction: this user has no password any more; every session, proof and known device ends. For an account that somebody else may have
 * had in hand.
 */
export async function forgetPassword(deps: Pick<Deps, 'clock'>, tx: Db, userId: string): Promise<void> {
  await clearPasswordHash(tx, userId, new Date(deps.clock.now()))
  await endSessionsIn(tx, userId, 'address_undone')
  await voidProofsIn(tx, userId)
  await voidDevices(tx, userId)
}

/**
 * Change one's own password: the current one is the proof, and the second factor, where there is one, must have been proved within ten minutes (CHECKLIST R167, R168). Ends the other sessions and gives this one a new token; of the known devices this browser alone stays one.
 * All in one transaction; a refusal changes nothing (CHECKLIST R013, R059, R068).
 *
 * @returns the session's new token, and the device's
 * @throws AuthError `step_up_required` - of the second factor
 * @throws AuthError `password_wrong`, `too_many_attempts`
 * @throws AuthError `password_rejected`, `field_required`, `field_invalid`, `busy`
 * @throws AuthError `session_required` - the session ended meanwhile
 */
export async function changePassword(
  deps: TryDeps & Pick<Deps, 'random'>,
  session: Session,
  change: { readonly current: string; readonly next: string; readonly presentedDevice: string | null; readonly by: Initiator },
): Promise<{ readonly sessionToken: string; readonly deviceToken: string }> {
  const userId = session.user.id
  const { by, presentedDevice } = change
  await requireSecondFactor(deps, session)
  const { check, reservation } = await tryPassword(deps, { userId }, change.current, { address: by.origin.address, presentedDevice })
  if (!check.matches) {
    const { reason } = check
    await recordFailure(deps, { ...by, name: 'authn_password_change_fail', outcome: 'failure', subject: userId, reason })
    throw new AuthError('password_wrong', { logged: reason })
  }
  const next = { email: session.user.email, field: 'new_password' }
  const hash = await hashNewPassword(deps, change.next, next).catch(async (error: unknown) => {
    // The current password was right; what is refused is the new one.
    await releaseAttempt(deps, reservation)
    throw error
  })
  return deps.database.inTransaction(async (tx) => {
    const sessionToken = await renewSession(deps, tx, session, { proved: 'pwd', by })
    await storeNewPassword(deps, tx, { userId, hash, keepSession: session.id, by })
    await succeedAttempt(tx, reservation)
    return { sessionToken, deviceToken: await issueDevice(deps, tx, userId) }
  })
}
