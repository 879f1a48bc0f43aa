import { type Actor, APPLICATION, type AuditEvent } from '../audit/audit-event.ts'
import { identifierDetail, recordEvent, recordFailure } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { checkLoginCode, checkLoginToken } from '../login-codes/login-code.ts'
import { deferMail, queueMail } from '../mail/mail.ts'
import { NO_ORIGIN, type Origin } from '../origin.ts'
import { confirmPassword, type TryDeps, tryAgain, tryPassword } from '../passwords/check-password.ts'
import { endSessionOfTokenIn, issueSession } from '../sessions/session.ts'
import { findDevice, issueDevice, type KnownDevice, knowsBrowsers, noteDeviceUse } from '../throttles/device.ts'
import { FAILURES_BEFORE_WAIT } from '../throttles/limits.ts'
import { type Reservation, reserveAttempt, reserveTokenTry, succeedAttempt } from '../throttles/throttle.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findUserByEmail, findUserById, isEnabled, type User } from '../users/user.ts'

type LoginDeps = TryDeps & Pick<Deps, 'random'>

/** What a browser presents beside its proof. */
export interface Browser extends Origin {
  /** The session that it holds already; it ends with a good login. */
  readonly presentedToken: string | null
  /** The device cookie's value. */
  readonly presentedDevice: string | null
}

/** What a browser gets for its cookies. */
export interface CompletedLogin {
  readonly sessionToken: string
  /** `null`: this browser has logged in as this user before, or there is none. */
  readonly newDeviceToken: string | null
}

/**
 * Log in with a password. Unknown address, wrong password, disabled or unverified account, no password: one refusal, one hash's time (CHECKLIST R028, R029). The
 * right password of an unverified account also mails a fresh link (hardened).
 *
 * @returns the new session's token, and a device's where the browser was not known
 * @throws AuthError `login_refused` - the true reason goes to the audit log
 * @throws AuthError `too_many_attempts`, `busy`
 */
export async function logIn(
  deps: LoginDeps,
  request: Browser & { readonly email: unknown; readonly password: unknown },
): Promise<CompletedLogin> {
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
): Promise<CompletedLogin> {
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
export async function logInWithToken(
  deps: LoginDeps,
  request: Browser & { readonly token: unknown },
): Promise<CompletedLogin & { readonly email: string }> {
  const reservation = await reserveTokenTry(deps, request.address)
  const found = await checkLoginToken(deps, request.token)
  const user = found && (await findUserById(deps.database.reads, found.userId))
  if (!found || !user) return refuse(deps, request, { userId: null, reason: 'unknown_token', address: null })
  const device = await findDevice(deps, request.presentedDevice, user.id)
  const done = await finishWithMail(deps, request, { user, device, reservation, stillHolds: found.consume })
  return { ...done, email: user.email }
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
): Promise<CompletedLogin> {
  const { user, device, reservation } = proof
  const stillHolds = async (tx: Db) => (await isEnabled(tx, user)) && (await proof.stillHolds(tx))
  const login = { ...request, userId: user.id, actor: { user: user.id }, amr: ['email'], stillHolds, reservation, browser: { device } }
  const done = await completeLogin(deps, login)
  return done ?? refuse(deps, request, { userId: user.id, reason: 'changed_meanwhile', address: null })
}

interface RefusedLogin {
  readonly userId: string | null
  readonly reason: string
  readonly address: unknown
  readonly reservation?: Reservation
}

/** One refusal for every reason; the audit log has the true one. */
async function refuse(deps: LoginDeps, origin: Origin, refused: RefusedLogin): Promise<never> {
  await recordFailure(deps, failureOf(deps, origin, refused))
  throw new AuthError('login_refused', { logged: refused.reason })
}

function failureOf(deps: Pick<Deps, 'keys'>, { address, userAgent, requestId }: Origin, refused: RefusedLogin): AuditEvent {
  const known = refused.userId === null ? identifierDetail(deps, parseEmailAddress(refused.address)?.canonical ?? null) : {}
  const origin = { address, userAgent, requestId }
  // The failure after which nobody is let in for a while.
  const closes = (refused.reservation?.earlierFailures ?? 0) + 1 >= FAILURES_BEFORE_WAIT
  return {
    ...known,
    name: closes ? 'authn_login_lock' : 'authn_login_fail',
    outcome: 'failure',
    actor: 'nobody',
    origin,
    subject: refused.userId,
    reason: refused.reason,
  }
}

/**
 * Where every login ends, however it began: one transaction that makes sure that what was proved still holds, and that the address is verified (hardened), ends the
 * browser's earlier session and begins the new one, ends the counting of the proof's failures, remembers the browser, and tells the owner what they should know.
 *
 * @returns `null` where the proof no longer holds
 * @throws AuthError `login_refused` - hardened: the address is not verified yet; a link is mailed
 */
export async function completeLogin(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'log'>,
  login: Origin & {
    readonly userId: string
    /** Who proved it: the user, or the application, which vouches for them. */
    readonly actor: Actor
    readonly amr: readonly string[]
    readonly presentedToken: string | null
    /** What must still hold at the commit: a password that was checked, a code that nobody else has used, a user who was found. It consumes what can be used once. */
    readonly stillHolds: (tx: Db) => Promise<boolean>
    /** The counted attempt that the proof was; `null` where nothing could be guessed. */
    readonly reservation: Reservation | null
    /** `null`: an application asks, and keeps no device cookie. */
    readonly browser: { readonly device: KnownDevice | null } | null
  },
): Promise<CompletedLogin | null> {
  const origin: Origin = { address: login.address, userAgent: login.userAgent, requestId: login.requestId }
  const by = { actor: login.actor, origin }
  const done = await deps.database.inTransaction(async (tx) => {
    if (!(await login.stillHolds(tx))) return null
    const user = await findUserById(tx, login.userId)
    if (!user) return null
    if (deps.config.posture === 'hardened' && !user.emailVerified) return { unverified: user }
    if (login.presentedToken !== null) await endSessionOfTokenIn(deps, tx, login.presentedToken, by)
    const { token, id } = await issueSession(deps, tx, { ...origin, userId: user.id, amr: login.amr })
    if (login.reservation !== null) await succeedAttempt(tx, login.reservation)
    const name = login.actor === 'application' ? 'session_created' : 'authn_login_success'
    await recordEvent(deps, tx, { ...by, name, outcome: 'success', subject: user.id, session: id, factors: login.amr })
    return { sessionToken: token, newDeviceToken: await rememberBrowser(deps, tx, { ...login, user, origin }) }
  })
  if (done === null || !('unverified' in done)) return done
  return refuseUnverified(deps, done.unverified, by)
}

/** The proof was right: whoever has it may have the mailbox, too. The answer stays the one refusal. */
async function refuseUnverified(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log'>,
  user: User,
  { actor, origin }: { readonly actor: Actor; readonly origin: Origin },
): Promise<never> {
  await deps.database.inTransaction(async (tx) => {
    await deferMail(deps, tx, { kind: 'verify_address', subject: parseEmailAddress(user.email)?.canonical ?? '' })
    const event = { name: 'authn_login_fail', outcome: 'failure', subject: user.id, reason: 'unverified' } as const
    await recordEvent(deps, tx, { ...event, actor: actor === 'application' ? actor : 'nobody', origin })
  })
  throw new AuthError('login_refused', { logged: 'unverified' })
}

/** CHECKLIST R041, R054: a browser that is not known is remembered, and the owner told of it, unless it is their first. */
async function rememberBrowser(
  deps: Pick<Deps, 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  login: {
    readonly user: User
    readonly origin: Origin
    readonly reservation: Reservation | null
    readonly browser: { readonly device: KnownDevice | null } | null
  },
): Promise<string | null> {
  const { user, origin, reservation, browser } = login
  if (browser === null) return null
  const at = new Date(deps.clock.now())
  const where = { userAgent: origin.userAgent, address: origin.address, at }
  if (reservation !== null && reservation.earlierFailures >= FAILURES_BEFORE_WAIT)
    await queueMail(deps, tx, {
      to: user.email,
      userId: user.id,
      message: { kind: 'many_failures', failures: reservation.earlierFailures, ...where },
    })
  if (browser.device !== null) {
    await noteDeviceUse(deps, tx, browser.device)
    return null
  }
  if (await knowsBrowsers(tx, user.id))
    await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'new_device', ...where } })
  return issueDevice(deps, tx, user.id)
}

/**
 * CONTRACT task 8: true only for the right password of a known, enabled user, in hardened of a verified one; false in any other case, never an error. It counts as an
 * attempt by a stranger, like any other (CHECKLIST R045).
 */
export async function validLogin(deps: LoginDeps, address: unknown, password: unknown): Promise<boolean> {
  try {
    const { check, reservation } = await tryPassword(deps, { email: address }, password, { address: null, presentedDevice: null })
    const unverified = check.matches && deps.config.posture === 'hardened' && !check.verified
    if (!check.matches || unverified) {
      const refused = { userId: check.userId, reason: check.matches ? 'unverified' : check.reason, address, reservation }
      await recordFailure(deps, { ...failureOf(deps, NO_ORIGIN, refused), ...APPLICATION })
      return false
    }
    await deps.database.inTransaction(async (tx) => {
      if (check.betterHash !== null) await confirmPassword(tx, check.userId, check)
      await succeedAttempt(tx, reservation)
      const { userId: subject } = check
      await recordEvent(deps, tx, { ...APPLICATION, name: 'authn_login_success', outcome: 'success', subject, factors: ['pwd'] })
    })
    return true
  } catch (error) {
    const isThrottled = error instanceof AuthError && error.code === 'too_many_attempts'
    if (isThrottled) deps.log.info({ event: 'valid_login_throttled', reason: error.details.logged })
    // The contract allows no error: too busy, or no database, is not a yes.
    else deps.log.error({ event: 'valid_login_failed', err: error })
    return false
  }
}

/**
 * CONTRACT task 10: a session for this address without a proof, for an application that has made sure otherwise; `null` for an unknown one, and in hardened
 * for one that is not verified.
 */
export async function createSession(deps: LoginDeps, address: unknown): Promise<string | null> {
  const user = await findUserByEmail(deps, address)
  if (!user || user.disabled || (deps.config.posture === 'hardened' && !user.emailVerified)) return null
  const done = await completeLogin(deps, {
    ...NO_ORIGIN,
    userId: user.id,
    actor: 'application',
    amr: ['application'],
    presentedToken: null,
    stillHolds: (tx) => isEnabled(tx, user),
    reservation: null,
    browser: null,
  })
  return done?.sessionToken ?? null
}
