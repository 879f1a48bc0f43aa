import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { checkLoginCode, checkLoginToken } from '../login-codes/login-code.ts'
import { checkPasskey } from '../passkeys/authenticate-passkey.ts'
import { confirmPassword, type TryDeps, tryAgain, tryPassword } from '../passwords/check-password.ts'
import { findDevice, type KnownDevice } from '../throttles/device.ts'
import { type Reservation, reserveAttempt, reserveTokenTry } from '../throttles/throttle.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findUserByEmail, findUserById, isEnabled, type User } from '../users/user.ts'
import { type Browser, completeLogin, type LoginOutcome } from './complete-login.ts'
import { refuse } from './refuse-login.ts'

type LoginDeps = TryDeps & Pick<Deps, 'random'>

/**
 * Log in with a password. Unknown address, wrong password, disabled or unverified account, no password: one refusal, one hash's time (CHECKLIST R028, R029). The
 * right password of an unverified account also mails a fresh link (hardened).
 *
 * @returns the new session's token, and a device's where the browser was not known; or a ticket, while a second factor is due
 * @throws AuthError `login_refused` - the true reason goes to the audit log
 * @throws AuthError `too_many_attempts`, `busy`
 */
export async function logIn(
  deps: LoginDeps,
  request: Browser & { readonly email: unknown; readonly password: unknown },
): Promise<LoginOutcome> {
  const { reservation, device, ...first } = await tryPassword(deps, request, request.password, request)
  let { check } = first
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (!check.matches) return refuse(deps, request, { userId: check.userId, reason: check.reason, address: request.email, reservation })
    const { userId } = check
    const proven = check
    const stillHolds = (tx: Db) => confirmPassword(tx, userId, proven)
    const done = await completeLogin(deps, {
      ...request,
      userId,
      actor: { user: userId },
      amr: ['pwd'],
      stillHolds,
      reservation,
      browser: { device },
    })
    if (done !== null) return done
    check = await tryAgain(deps, request, request.password, reservation)
  }
  return refuse(deps, request, { userId: null, reason: 'changed_meanwhile', address: null })
}

/** A parallel login may upgrade the hash, or a change replace it, between check and commit: then the password is checked again. */
const MAX_ATTEMPTS = 3

/**
 * Log in with the code of a mail. Its tries are counted on the account across codes, and on unknown addresses alike (CHECKLIST R046, R036).
 *
 * @throws AuthError `login_refused`, `too_many_attempts`
 */
export async function logInWithCode(
  deps: LoginDeps,
  request: Browser & { readonly email: unknown; readonly code: unknown },
): Promise<LoginOutcome> {
  const user = await findUserByEmail(deps, request.email)
  const device = await findDevice(deps, request.presentedDevice, user?.id ?? null)
  const typed = typeof request.email === 'string' ? request.email.toLowerCase() : ''
  const account = user ? { userId: user.id } : { canonicalAddress: parseEmailAddress(typed)?.canonical ?? typed }
  const reservation = await reserveAttempt(deps, {
    authenticator: 'login_code',
    account,
    isKnownDevice: device !== null,
    address: request.address,
  })
  // Looked up for an unknown address too, so that it takes the same time.
  const consume = await checkLoginCode(deps, user?.id ?? '', request.code)
  if (!user || !consume || reservation.isDisabled) {
    const reason = user && reservation.isDisabled ? 'code_disabled' : user ? 'wrong_code' : 'unknown_address'
    return refuse(deps, request, { userId: user?.id ?? null, reason, address: request.email, reservation })
  }
  return finishWithMail(deps, request, { user, device, reservation, stillHolds: consume })
}

/**
 * Log in with the link of a mail.
 *
 * @throws AuthError `login_refused`, `too_many_attempts` - of the address that it comes from
 */
export async function logInWithToken(deps: LoginDeps, request: Browser & { readonly token: unknown }): Promise<LoginOutcome> {
  const reservation = await reserveTokenTry(deps, request.address)
  const found = await checkLoginToken(deps, request.token)
  const user = found && (await findUserById(deps.database.reads, found.userId))
  if (!found || !user) return refuse(deps, request, { userId: null, reason: 'unknown_token', address: null })
  const device = await findDevice(deps, request.presentedDevice, user.id)
  return finishWithMail(deps, request, { user, device, reservation, stillHolds: found.consume })
}

async function finishWithMail(
  deps: LoginDeps,
  request: Browser,
  proof: {
    readonly user: User
    readonly device: KnownDevice | null
    readonly reservation: Reservation
    readonly stillHolds: (tx: Db) => Promise<boolean>
  },
): Promise<LoginOutcome> {
  const { user, device, reservation } = proof
  const stillHolds = async (tx: Db) => (await isEnabled(tx, user)) && (await proof.stillHolds(tx))
  const login = { ...request, userId: user.id, actor: { user: user.id }, amr: ['email'], stillHolds, reservation, browser: { device } }
  const done = await completeLogin(deps, login)
  return done ?? refuse(deps, request, { userId: user.id, reason: 'changed_meanwhile', address: null })
}

/**
 * Log in with a passkey; no address is typed, the passkey says whose it is. It made sure of its user, so it is two factors in one, and no other is asked for. It cannot be
 * guessed, so nothing counts its failures, and no failures of others close this way (CHECKLIST R041); the audit log has one of an address and minute.
 *
 * @throws AuthError `login_refused` - whatever is wrong with it
 */
export async function logInWithPasskey(
  deps: LoginDeps,
  request: Browser & { readonly passkey: AuthenticationResponseJSON },
): Promise<LoginOutcome> {
  const proven = await checkPasskey(deps, request.passkey, { boundTo: 'login', userId: null })
  if (typeof proven === 'string') {
    const oncePerMinute = `passkey ${request.address}`
    return refuse(deps, request, { userId: null, reason: 'passkey', address: null, detail: proven, oncePerMinute })
  }
  const user = await findUserById(deps.database.reads, proven.userId)
  if (!user) return refuse(deps, request, { userId: null, reason: 'changed_meanwhile', address: null })
  const done = await completeLogin(deps, {
    ...request,
    userId: user.id,
    actor: { user: user.id },
    amr: ['pop'],
    stillHolds: async (tx) => (await isEnabled(tx, user)) && (await proven.consume(tx)),
    reservation: null,
    browser: { device: await findDevice(deps, request.presentedDevice, user.id) },
  })
  return done ?? refuse(deps, request, { userId: user.id, reason: 'changed_meanwhile', address: null })
}
