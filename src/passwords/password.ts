import { decoyHash, hashWithArgon2id, readStoredHash, type StoredHash } from '../crypto/password-hash.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError, invalidField } from '../errors.ts'
import { endSessionsIn, renewSession, type Session } from '../sessions/session.ts'
import { voidResetTokens } from '../users/user.ts'
import { checkPasswordPolicy } from './password-policy.ts'
import { findPassword, type StoredPassword, setPasswordHash, swapPasswordHash } from './password-store.ts'

type HashDeps = Pick<Deps, 'config' | 'hashQueue'>

/**
 * A salted Argon2id hash at the configured cost, over the NFC form (NIST SP 800-63B-4 section 3.1.1.2; CHECKLIST R006).
 *
 * @throws AuthError `field_invalid` - not a string, empty, ill-formed Unicode, above 1024 bytes
 * @throws AuthError `busy`
 */
export async function hashPassword(deps: HashDeps, password: unknown, field = 'password'): Promise<string> {
  const usable = requireHashable(password, field)
  return deps.hashQueue.run(() => hashWithArgon2id(usable.normalize('NFC'), deps.config.password.argon2))
}

/** CHECKLIST R003: above, a password is refused, never cut. */
const MAX_BYTES = 1_024

function requireHashable(password: unknown, field: string): string {
  if (typeof password !== 'string' || password === '') throw new AuthError('field_required', { field })
  if (!password.isWellFormed()) throw invalidField(field, `The field "${field}" is not well-formed Unicode.`)
  if (Buffer.byteLength(password.normalize('NFC')) > MAX_BYTES)
    throw invalidField(field, `The field "${field}" is longer than ${MAX_BYTES} bytes.`)
  return password
}

/**
 * Check a new password against the policy, then hash it. For every place where a person chooses one.
 *
 * @throws AuthError `password_rejected` - `details.reason` says which rule
 * @throws AuthError `field_required`, `field_invalid`, `busy`
 */
export async function hashNewPassword(
  deps: HashDeps,
  password: unknown,
  context: { readonly email: string; readonly field: string },
): Promise<string> {
  const usable = requireHashable(password, context.field)
  checkPasswordPolicy(deps.config, usable, context)
  return hashPassword(deps, usable, context.field)
}

export type PasswordCheck =
  | ({ readonly matches: true; readonly userId: string } & ProvenPassword)
  | {
      readonly matches: false
      readonly reason: 'unknown_address' | 'wrong_password' | 'no_password' | 'unusable_hash' | 'disabled' | 'malformed'
    }

/** The stored hash that a password was checked against, and a better one of the same password where the stored one is outdated. */
export interface ProvenPassword {
  readonly checkedHash: string
  readonly betterHash: string | null
}

/**
 * Is this the user's password? Takes one hash's time whatever the answer: an unknown address, a user without a password and a hash that is
 * none are checked against a decoy at the configured cost, and a cheaper legacy hash that did not match is followed by the decoy too
 * (CHECKLIST R023, R029, R030).
 *
 * @throws AuthError `busy`
 */
export async function checkPassword(
  deps: HashDeps & Pick<Deps, 'database' | 'log'>,
  emailCanonical: string | null,
  password: unknown,
): Promise<PasswordCheck> {
  const stored = emailCanonical === null ? null : await findPassword(deps.database.reads, { emailCanonical })
  return checkStored(deps, stored, password)
}

/** The same for a user who is already known: the proof before a change. */
export async function checkPasswordOfUser(
  deps: HashDeps & Pick<Deps, 'database' | 'log'>,
  userId: string,
  password: unknown,
): Promise<PasswordCheck> {
  return checkStored(deps, await findPassword(deps.database.reads, { userId }), password)
}

async function checkStored(deps: HashDeps & Pick<Deps, 'log'>, stored: StoredPassword | null, password: unknown): Promise<PasswordCheck> {
  const usable =
    typeof password === 'string' && password !== '' && password.isWellFormed() && Buffer.byteLength(password.normalize('NFC')) <= MAX_BYTES
  const typed = usable ? password : 'not a password'
  const normalised = typed.normalize('NFC')
  const { argon2 } = deps.config.password

  return deps.hashQueue.run(async (): Promise<PasswordCheck> => {
    const known = stored?.hash ? readStoredHash(stored.hash) : null
    const matches = known ? await verifyIfUsable(known, typed, normalised) : null
    if (!stored || !known || !usable || !matches) {
      if (matches === null || !known?.isCurrent(argon2)) await readStoredHash(decoyHash(argon2))?.verify(typed, normalised)
      if (stored?.hash && matches === null) deps.log.warn({ event: 'unusable_password_hash', user: stored.userId })
      return { matches: false, reason: refusalReason(stored, matches !== null, usable) }
    }
    if (stored.disabled) return { matches: false, reason: 'disabled' }
    const betterHash = known.isCurrent(argon2) ? null : await hashWithArgon2id(normalised, argon2)
    return { matches: true, userId: stored.userId, checkedHash: stored.hash ?? '', betterHash }
  })
}

/** `null`: the hash has the form of one, but its own library cannot read it (bits left over in its salt, for one). It is nobody's password. */
async function verifyIfUsable(hash: StoredHash, typed: string, normalised: string): Promise<boolean | null> {
  try {
    return await hash.verify(typed, normalised)
  } catch {
    return null
  }
}

function refusalReason(stored: StoredPassword | null, hasUsableHash: boolean, usable: boolean) {
  if (!usable) return 'malformed'
  if (!stored) return 'unknown_address'
  if (stored.hash === null) return 'no_password'
  return hasUsableHash ? 'wrong_password' : 'unusable_hash'
}

/**
 * Within the login's transaction: the hash that was checked is still the stored one, and the user is not disabled. A better hash takes its
 * place by the same statement (CHECKLIST R021, R022). False: something changed while the password was being hashed.
 */
export async function confirmPassword(tx: Db, userId: string, proven: ProvenPassword): Promise<boolean> {
  return swapPasswordHash(tx, userId, proven)
}

/**
 * Set a user's password to a hash made before. Within the caller's transaction, every session of the user, or every other one,
 * and their reset token end with it (CHECKLIST R068, R105).
 */
export async function storeNewPassword(
  deps: Pick<Deps, 'clock'>,
  tx: Db,
  change: { readonly userId: string; readonly hash: string; readonly keepSession?: string },
): Promise<void> {
  await setPasswordHash(tx, change.userId, change.hash, new Date(deps.clock.now()))
  await endSessionsIn(tx, change.userId, change.keepSession === undefined ? 'password_reset' : 'password_change', change.keepSession)
  await voidResetTokens(tx, change.userId)
}

/**
 * Change one's own password: the current one is the proof. Ends the other sessions and gives this one a new token.
 * All in one transaction; a refusal changes nothing (CHECKLIST R013, R059, R068).
 *
 * @returns the session's new token
 * @throws AuthError `password_wrong`
 * @throws AuthError `password_rejected`, `field_required`, `field_invalid`, `busy`
 * @throws AuthError `session_required` - the session ended meanwhile
 */
export async function changePassword(
  deps: Pick<Deps, 'config' | 'hashQueue' | 'database' | 'log' | 'clock' | 'random'>,
  session: Session,
  passwords: { readonly current: string; readonly next: string },
): Promise<string> {
  const check = await checkPasswordOfUser(deps, session.user.id, passwords.current)
  if (!check.matches) throw new AuthError('password_wrong', { logged: check.reason })
  const hash = await hashNewPassword(deps, passwords.next, { email: session.user.email, field: 'new_password' })
  return deps.database.inTransaction(async (tx) => {
    const token = await renewSession(deps, tx, session)
    await storeNewPassword(deps, tx, { userId: session.user.id, hash, keepSession: session.id })
    return token
  })
}
