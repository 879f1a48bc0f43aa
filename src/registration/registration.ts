import { APPLICATION, type Initiator } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import { makeOpaqueToken } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { deferMail, queueMail } from '../mail/mail.ts'
import { hashPassword, requireGoodPassword } from '../passwords/password.ts'
import { takeAllowance } from '../throttles/allowance.ts'
import { WINDOWS } from '../throttles/limits.ts'
import type { EmailAddress } from '../users/email-address.ts'
import { createUserIn, findUserByEmail, findUserIn, refuseTaken, requireEmailAddress, type User } from '../users/user.ts'
import {
  deleteExpiredRegistrations,
  deleteExpiredVerificationTokens,
  deleteRegistration,
  deleteRegistrationsOf,
  findNewestRegistration,
  findRegistration,
  insertRegistration,
  setRegistrationToken,
} from './registration-store.ts'

type RegistrationDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log' | 'config' | 'hashQueue'>
type MailDeps = Pick<Deps, 'clock' | 'random' | 'keys' | 'config' | 'database'>

/** CHECKLIST R110, R119 (NIST SP 800-63B-4 section 4.2.1.2: at most 24 hours for a secret sent by mail). */
export const VERIFICATION_SECONDS = 86_400

/**
 * Register as a person does: registration must be open and the password good enough.
 *
 * Classic stores the user, and of registrations that race for one address one wins (CHECKLIST R127). Hardened stores a registration that waits for
 * its mail, whether the address is known or not, by the same statements: nobody learns which (R031). What mail follows is decided later, by
 * {@link resolveRegistration}.
 *
 * @throws AuthError `registration_closed`
 * @throws AuthError `field_required`, `field_invalid`, `password_rejected` - each names the field
 * @throws AuthError `email_already_registered` - classic only
 * @throws AuthError `too_many_attempts` - hardened: 10 an hour from one address (R051); of what is refused before, nothing is counted
 * @throws AuthError `busy`
 */
export async function register(
  deps: RegistrationDeps,
  input: { readonly email: string; readonly password: string },
  by: Initiator,
): Promise<void> {
  if (deps.config.registration === 'closed') throw new AuthError('registration_closed')
  if (input.email === '') throw new AuthError('field_required', { field: 'email' })
  const email = requireEmailAddress(input.email)
  const password = await requireGoodPassword(deps, input.password, { email: email.address, field: 'password' })
  deps.hashQueue.requireRoom()
  if (!(await takeAllowance(deps, { what: 'registration', address: by.origin.address }))) {
    // At the latest then.
    const retryAfterSeconds = WINDOWS.registration[0].milliseconds / 1_000
    throw new AuthError('too_many_attempts', { retryAfterSeconds, logged: 'registrations from the address' })
  }
  if (deps.config.posture === 'hardened') return storePending(deps, email, await hashPassword(deps, password), by)
  await storeUser(deps, { email, password, by, mails: true })
}

/** The look before the hash spares its cost; the unique index decides. The address is still to be verified, by whoever likes. */
async function storeUser(
  deps: RegistrationDeps,
  {
    email,
    password,
    by,
    mails,
  }: { readonly email: EmailAddress; readonly password: unknown; readonly by: Initiator; readonly mails: boolean },
): Promise<User> {
  const holder = await findUserByEmail(deps, email.address)
  if (holder) return refuseTaken(deps, { address: email.address, holder }, by)
  const passwordHash = await hashPassword(deps, password)
  const user = await deps.database.inTransaction(async (tx) => {
    const created = await createUserIn(deps, tx, { email, passwordHash }, by)
    if (created && mails) await deferMail(deps, tx, { kind: 'verify_address', subject: email.canonical })
    return created
  })
  return user ?? refuseTaken(deps, { address: email.address, holder: await findUserByEmail(deps, email.address) }, by)
}

async function storePending(deps: RegistrationDeps, email: EmailAddress, passwordHash: string, by: Initiator): Promise<void> {
  const now = deps.clock.now()
  const id = deps.random.uuid()
  const [createdAt, expiresAt] = [new Date(now), new Date(now + VERIFICATION_SECONDS * 1_000)]
  await deps.database.inTransaction(async (tx) => {
    await insertRegistration(tx, { id, email, passwordHash, createdAt, expiresAt })
    await deferMail(deps, tx, { kind: 'registration', subject: id })
    await recordEvent(deps, tx, { ...by, name: 'user_registration_requested', outcome: 'success', subject: null })
  })
}

/**
 * The mail that a registration brings about, decided outside of its request: a link that verifies the address, or, where the address has an
 * account, a word to its owner. Within the transaction that ends the request for it.
 */
export async function resolveRegistration(deps: MailDeps, tx: Db, id: string): Promise<void> {
  const registration = await findRegistration(tx, id)
  if (!registration) return
  const { email } = registration
  const owner = await findUserIn(tx, email.canonical)
  if (owner) {
    await deleteRegistration(tx, id)
    await tellOwner(deps, tx, owner)
    return
  }
  const allowed = await takeAllowance(deps, { what: 'mail_recipient', kind: 'verify_address', canonicalAddress: email.canonical }, tx)
  // Without: it waits unmailed, for whoever asks to have the mail sent (again). A stranger's registrations cannot push the owner's out.
  if (allowed) await sendRegistrationLink(deps, tx, registration)
}

/** A new link for a registration; the one before it is dead. It ends with the registration, 24 hours after that was made (CHECKLIST R119). */
export async function sendRegistrationLink(
  deps: MailDeps,
  tx: Db,
  { id, email, expiresAt }: { readonly id: string; readonly email: EmailAddress; readonly expiresAt: Date },
): Promise<void> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  if (!(await setRegistrationToken(tx, id, tokenHash))) return
  await queueMail(deps, tx, { to: email.address, userId: null, message: { kind: 'verify_address', token }, expiresAt })
}

/** Somebody gave this address as their own: its owner is told, and the account stays as it is. */
export async function tellOwner(deps: MailDeps, tx: Db, owner: User): Promise<void> {
  if (owner.disabled) return
  const canonicalAddress = requireEmailAddress(owner.email).canonical
  if (!(await takeAllowance(deps, { what: 'mail_recipient', kind: 'already_registered', canonicalAddress }, tx))) return
  await queueMail(deps, tx, { to: owner.email, userId: owner.id, message: { kind: 'already_registered' } })
}

/**
 * CONTRACT task 5, for code that is trusted: no policy beyond what can be hashed, and registration may be closed. In either posture the user is stored
 * at once, with an address that is not verified yet.
 *
 * @throws AuthError `email_already_registered` - its message is `User <address> already exists`
 */
export async function registerUser(deps: RegistrationDeps, address: unknown, password: unknown): Promise<User> {
  return storeUser(deps, { email: requireEmailAddress(address), password, by: APPLICATION, mails: false })
}

/** The newest registration that waits for this address to be verified. */
export function pendingRegistrationOf(deps: Pick<Deps, 'database' | 'clock'>, canonicalAddress: string) {
  return findNewestRegistration(deps.database.reads, canonicalAddress, new Date(deps.clock.now()))
}

/** Within the caller's transaction: what was begun with this address is gone. */
export async function forgetAddress(tx: Db, canonicalAddress: string): Promise<void> {
  await deleteRegistrationsOf(tx, canonicalAddress)
}

/** Remove at most `limit` registrations that nobody verified in time. @returns how many */
export async function removeExpiredRegistrations(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredRegistrations(tx, new Date(deps.clock.now()), limit))
}

/** Remove at most `limit` verification tokens that expired. @returns how many */
export async function removeExpiredVerificationTokens(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredVerificationTokens(tx, new Date(deps.clock.now()), limit))
}
