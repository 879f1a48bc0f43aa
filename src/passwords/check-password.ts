import { type Keyring, makeKeyring } from '../crypto/keyring.ts'
import { decoyHash, hashWithArgon2id, readStoredHash, type StoredHash } from '../crypto/password-hash.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { findDevice, type KnownDevice } from '../throttles/device.ts'
import { type Reservation, reserveAttempt } from '../throttles/throttle.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import type { HashPlace } from './hash-queue.ts'
import { findPassword, type StoredPassword, swapPasswordHash } from './password-store.ts'

type CheckDeps = Pick<Deps, 'config' | 'hashQueue' | 'log'>
export type TryDeps = CheckDeps & Pick<Deps, 'database' | 'clock' | 'keys'>

/** CHECKLIST R003: above, a password is refused, never cut. */
export const MAX_PASSWORD_BYTES = 1_024

export type PasswordCheck =
  | ({ readonly matches: true; readonly userId: string; readonly verified: boolean } & ProvenPassword)
  | {
      readonly matches: false
      /** `null`: nobody has the address. */
      readonly userId: string | null
      readonly reason:
        | 'unknown_address'
        | 'wrong_password'
        | 'no_password'
        | 'unusable_hash'
        | 'disabled'
        | 'password_disabled'
        | 'malformed'
    }

/** The stored hash that a password was checked against, and a better one of the same password where the stored one is outdated. */
export interface ProvenPassword {
  readonly checkedHash: string
  readonly betterHash: string | null
}

/** Whose password is tried: by an address, as somebody typed it, or by an id that is known. */
export type PasswordOwner = { readonly email: unknown } | { readonly userId: string } | PendingHash

/** A hash that is no user's yet. It has a count of its own: the failures of others must not keep its owner from proving it. */
interface PendingHash {
  readonly id: string
  readonly hash: string
}

/** From where; the throttles ask. */
export interface TryOrigin {
  readonly address: string | null
  /** The device cookie's value. */
  readonly presentedDevice: string | null
}

export interface PasswordTry {
  readonly check: PasswordCheck
  /** It counts as a failure until `succeedAttempt` in the transaction that completes what the password was the proof for. */
  readonly reservation: Reservation
  readonly device: KnownDevice | null
}

/**
 * Try a password: the one way for whoever is not trusted (CHECKLIST R045). First the throttles are asked, and the attempt is counted; then it is evaluated. Where there is
 * no room to hash it, nothing is counted.
 *
 * @throws AuthError `too_many_attempts`, `busy`
 */
export async function tryPassword(deps: TryDeps, owner: PasswordOwner, password: unknown, origin: TryOrigin): Promise<PasswordTry> {
  const place = deps.hashQueue.takePlace()
  let counted: Omit<PasswordTry, 'check'> & { readonly stored: StoredPassword | null }
  try {
    counted = await countTry(deps, owner, origin)
  } catch (error) {
    place.leave()
    throw error
  }
  const { stored, ...rest } = counted
  return { check: await checkStored(deps, place, stored, { password, isDisabled: rest.reservation.isDisabled }), ...rest }
}

async function countTry(deps: TryDeps, owner: PasswordOwner, origin: TryOrigin) {
  const stored = await findStored(deps, owner)
  const device = await findDevice(deps, origin.presentedDevice, stored?.userId ?? null)
  const account = stored ? { userId: stored.userId } : accountWithoutUser(owner)
  const attempt = { authenticator: 'password', account, isKnownDevice: device !== null, address: origin.address } as const
  return { stored, device, reservation: await reserveAttempt(deps, attempt) }
}

/** The same password once more, for an attempt that is counted already: what it matched has changed meanwhile. */
export async function tryAgain(deps: TryDeps, owner: PasswordOwner, password: unknown, reservation: Reservation): Promise<PasswordCheck> {
  return checkStored(deps, deps.hashQueue, await findStored(deps, owner), { password, isDisabled: reservation.isDisabled })
}

async function findStored(deps: Pick<Deps, 'database'>, owner: PasswordOwner): Promise<StoredPassword | null> {
  if ('userId' in owner) return findPassword(deps.database.reads, owner)
  if ('hash' in owner) return { userId: owner.id, hash: owner.hash, disabled: false, verified: false }
  const emailCanonical = parseEmailAddress(owner.email)?.canonical ?? null
  return emailCanonical === null ? null : findPassword(deps.database.reads, { emailCanonical })
}

/** What is no address at all is counted as it stands, like an address that nobody has. */
function accountWithoutUser(owner: PasswordOwner) {
  if ('userId' in owner) return owner
  if ('hash' in owner) return { userId: owner.id }
  const typed = typeof owner.email === 'string' ? owner.email.toLowerCase() : ''
  return { canonicalAddress: parseEmailAddress(typed)?.canonical ?? typed }
}

/**
 * Is this the user's password? Takes one hash's time whatever the answer: an unknown address, a user without a password and a hash that is
 * none are checked against a decoy at the configured cost, and a cheaper legacy hash that did not match is followed by the decoy too
 * (CHECKLIST R023, R029, R030).
 *
 * @throws AuthError `busy`
 */
async function checkStored(
  deps: CheckDeps,
  place: Pick<HashPlace, 'run'>,
  stored: StoredPassword | null,
  { password, isDisabled }: { readonly password: unknown; readonly isDisabled: boolean },
): Promise<PasswordCheck> {
  const usable =
    typeof password === 'string' &&
    password !== '' &&
    password.isWellFormed() &&
    Buffer.byteLength(password.normalize('NFC')) <= MAX_PASSWORD_BYTES
  const typed = usable ? password : 'not a password'
  const normalised = typed.normalize('NFC')
  const { argon2 } = deps.config.password
  const userId = stored?.userId ?? null
  const peppers = peppersOf(deps)

  return place.run(async (): Promise<PasswordCheck> => {
    const known = stored?.hash ? readStoredHash(stored.hash, peppers) : null
    const matches = known ? await verifyIfUsable(known, typed, normalised) : null
    if (!stored || !known || !usable || !matches) {
      if (matches === null || !known?.costsLike(argon2))
        await readStoredHash(decoyHash(argon2, peppers), peppers)?.verify(typed, normalised)
      if (stored?.hash && matches === null) deps.log.warn({ event: 'unusable_password_hash', user: stored.userId })
      return { matches: false, userId, reason: refusalReason(stored, matches !== null, usable) }
    }
    if (stored.disabled) return { matches: false, userId, reason: 'disabled' }
    if (isDisabled) return { matches: false, userId, reason: 'password_disabled' }
    const betterHash = known.isCurrent(argon2) ? null : await hashWithArgon2id(normalised, argon2, peppers)
    return { matches: true, userId: stored.userId, verified: stored.verified, checkedHash: stored.hash ?? '', betterHash }
  })
}

/** The pepper is not derived from the root secret: whoever rotates one need not rotate the other. Without a pepper, a ring without keys. */
export function peppersOf({ config }: Pick<Deps, 'config'>): Keyring {
  return makeKeyring(config.secrets.pepper)
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

/** For the operator: could any password be right? */
export async function passwordStateOf(deps: Pick<Deps, 'database' | 'config'>, userId: string): Promise<'none' | 'usable' | 'unusable'> {
  const stored = await findPassword(deps.database.reads, { userId })
  if (!stored?.hash) return 'none'
  return readStoredHash(stored.hash, peppersOf(deps)) ? 'usable' : 'unusable'
}
