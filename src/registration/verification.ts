import { recordEvent, recordFailure } from '../audit/record.ts'
import { hashOpaqueToken, makeOpaqueToken, type TokenHash } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { voidSecondFactorsIn } from '../factors/remove-factors.ts'
import { queueMail } from '../mail/mail.ts'
import type { Origin } from '../origin.ts'
import { tryPassword } from '../passwords/check-password.ts'
import { endSessionsIn } from '../sessions/session.ts'
import { takeAllowance } from '../throttles/allowance.ts'
import { releaseAttempt, reserveTokenTry, succeedAttempt } from '../throttles/throttle.ts'
import { createUserIn, findUserById, findUserIn, markVerified, requireEmailAddress, type User, voidProofsIn } from '../users/user.ts'
import { sendRegistrationLink, VERIFICATION_SECONDS } from './registration.ts'
import {
  deleteRegistrationsOf,
  findNewestRegistration,
  findRegistrationByToken,
  findVerificationToken,
  putVerificationToken,
  takeRegistration,
  takeVerificationToken,
} from './registration-store.ts'

type VerificationDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'hashQueue' | 'log'>

/**
 * The mail that somebody asked for who says that an address is theirs: a fresh link for the registration that waits for it, or for the account that
 * has it unverified; nothing for any other address. Decided outside of the request (CHECKLIST R033).
 */
export async function resolveVerification(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  canonicalAddress: string,
): Promise<void> {
  const user = await findUserIn(tx, canonicalAddress)
  const registration = user ? null : await findNewestRegistration(tx, canonicalAddress, new Date(deps.clock.now()))
  if (!registration && (!user || user.disabled || user.emailVerified)) return
  if (!(await takeAllowance(deps, { what: 'mail_recipient', kind: 'verify_address', canonicalAddress }, tx))) return
  if (registration) return sendRegistrationLink(deps, tx, registration)
  if (user) await sendVerificationLink(deps, tx, user)
}

async function sendVerificationLink(deps: Pick<Deps, 'clock' | 'random' | 'keys' | 'config'>, tx: Db, user: User): Promise<void> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  const [createdAt, expiresAt] = [new Date(now), new Date(now + VERIFICATION_SECONDS * 1_000)]
  const { canonical } = requireEmailAddress(user.email)
  await putVerificationToken(tx, { tokenHash, userId: user.id, canonical, createdAt, expiresAt })
  await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'verify_address', token }, expiresAt })
}

/**
 * Confirm an address with the token that was mailed to it (CHECKLIST R110). Of several registrations for one address, the one whose mail was opened becomes the
 * account, with its own password; the others are gone (R119). Of an account that was there already, everything that was proved or added before
 * ends: whoever did it may not have been the owner (R115-R117). A password that is given must be the one that was chosen: so does the page make
 * sure that nobody activates what a stranger began with their address. No session begins (R074).
 *
 * The token is consumed by the transaction that verifies; a wrong password consumes nothing and counts in the throttles.
 *
 * @returns the address
 * @throws AuthError `verification_token_invalid` - unknown, used, superseded, expired, the address has an account meanwhile, or the password is another
 * @throws AuthError `too_many_attempts`, `busy`
 */
export async function verifyAddress(
  deps: VerificationDeps,
  input: { readonly token: unknown; readonly password: string | undefined; readonly origin: Origin },
): Promise<string> {
  const { origin, password } = input
  const { address } = origin
  const reservations = [await reserveTokenTry(deps, address)]
  const tokenHash = hashOpaqueToken(input.token)
  const now = new Date(deps.clock.now())
  const registration = tokenHash && (await findRegistrationByToken(deps.database.reads, tokenHash, now))
  const pending = tokenHash && !registration ? await findVerificationToken(deps.database.reads, tokenHash, now) : null
  if (tokenHash && (registration || pending)) {
    if (password !== undefined) {
      const owner = registration ? { id: registration.id, hash: registration.passwordHash } : { userId: pending?.userId ?? '' }
      // The token was none that somebody tried: from here on the password is, and it counts by itself.
      for (const reservation of reservations.splice(0)) await releaseAttempt(deps, reservation)
      const { check, reservation } = await tryPassword(deps, owner, password, { address, presentedDevice: null })
      if (!check.matches) {
        const subject = pending?.userId ?? null
        await recordFailure(deps, { name: 'authn_token_fail', outcome: 'failure', actor: 'nobody', subject, origin, reason: check.reason })
        throw new AuthError('verification_token_invalid', { logged: check.reason })
      }
      reservations.push(reservation)
    }
    return deps.database.inTransaction(async (tx) => {
      const { email } = pending ? await confirm(deps, tx, { tokenHash, ...pending }, origin) : await activate(deps, tx, tokenHash, origin)
      for (const reservation of reservations) await succeedAttempt(tx, reservation)
      return email
    })
  }
  await recordFailure(deps, {
    outcome: 'failure',
    name: 'authn_token_fail',
    actor: 'nobody',
    subject: null,
    origin,
    reason: 'verification',
  })
  throw new AuthError('verification_token_invalid', { logged: tokenHash ? 'unknown' : 'malformed' })
}

/**
 * "This was not me": the registration whose mail was opened is deleted, the token of an account that is there already is void.
 *
 * @throws AuthError `verification_token_invalid`, `too_many_attempts`
 */
export async function refuseVerification(
  deps: VerificationDeps,
  input: { readonly token: unknown; readonly origin: Origin },
): Promise<void> {
  const attempt = await reserveTokenTry(deps, input.origin.address)
  const tokenHash = hashOpaqueToken(input.token)
  const now = new Date(deps.clock.now())
  await deps.database.inTransaction(async (tx) => {
    const known = tokenHash !== null && ((await takeRegistration(tx, tokenHash, now)) || (await takeVerificationToken(tx, tokenHash, now)))
    if (!known) throw new AuthError('verification_token_invalid', { logged: 'unknown' })
    await succeedAttempt(tx, attempt)
    const event = { name: 'authn_token_revoked', reason: 'not_me', outcome: 'success', actor: 'nobody', subject: null } as const
    await recordEvent(deps, tx, { ...event, origin: input.origin })
  })
}

async function activate(deps: VerificationDeps, tx: Db, tokenHash: TokenHash, origin: Origin): Promise<User> {
  const now = new Date(deps.clock.now())
  const registration = await takeRegistration(tx, tokenHash, now)
  if (!registration) throw new AuthError('verification_token_invalid', { logged: 'used meanwhile' })
  const { email } = registration
  const user = await createUserIn(
    deps,
    tx,
    { email, passwordHash: registration.passwordHash, verifiedAt: now },
    { actor: 'nobody', origin },
  )
  if (!user) throw new AuthError('verification_token_invalid', { logged: 'address taken meanwhile' })
  await deleteRegistrationsOf(tx, email.canonical)
  await recordEvent(deps, tx, { name: 'user_verified', outcome: 'success', actor: { user: user.id }, subject: user.id, origin })
  return user
}

async function confirm(
  deps: VerificationDeps,
  tx: Db,
  token: { readonly tokenHash: TokenHash; readonly userId: string; readonly canonical: string },
  origin: Origin,
): Promise<User> {
  const now = new Date(deps.clock.now())
  if (!(await takeVerificationToken(tx, token.tokenHash, now)))
    throw new AuthError('verification_token_invalid', { logged: 'used meanwhile' })
  const before = await findUserById(tx, token.userId)
  const user = await markVerified(tx, token.userId, token.canonical, now)
  if (!user) throw new AuthError('verification_token_invalid', { logged: 'another address, or disabled' })
  await endSessionsIn(tx, user.id, 'verified')
  await voidProofsIn(tx, user.id)
  if (deps.config.posture === 'hardened' && before?.emailVerified === false) await voidSecondFactorsIn(tx, user.id)
  await deleteRegistrationsOf(tx, token.canonical)
  await recordEvent(deps, tx, { name: 'user_verified', outcome: 'success', actor: { user: user.id }, subject: user.id, origin })
  return user
}
