import type { Actor } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type Factors, findFactors, hasSecondFactor, secondFactorNames } from '../factors/factors.ts'
import { deferMail, queueMail } from '../mail/mail.ts'
import type { Origin } from '../origin.ts'
import { provesSecondFactor, unitedAmr } from '../sessions/amr.ts'
import { endSessionOfTokenIn, issueSession } from '../sessions/session.ts'
import { issueDevice, type KnownDevice, knowsBrowsers, noteDeviceUse } from '../throttles/device.ts'
import { FAILURES_BEFORE_WAIT } from '../throttles/limits.ts'
import { type Reservation, succeedAttempt } from '../throttles/throttle.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findUserById, type User } from '../users/user.ts'
import { issueTicket } from './ticket.ts'

/** What a browser presents beside its proof. */
export interface Browser extends Origin {
  /** The session that it holds already; it ends with a good login. */
  readonly presentedToken: string | null
  /** The device cookie's value. */
  readonly presentedDevice: string | null
}

/** What a browser gets for its cookies. */
export interface CompletedLogin {
  readonly status: 'logged_in'
  readonly email: string
  readonly sessionToken: string
  /** `null`: this browser has logged in as this user before, or there is none. */
  readonly newDeviceToken: string | null
}

/** The first factor was right, and a second one is due. */
export interface PendingLogin {
  readonly status: 'second_factor_required'
  readonly email: string
  /** With which the login goes on (ticket.ts). */
  readonly ticket: string
  /** What completes it. Empty: there is none yet and one must be added, with the ticket. */
  readonly factors: readonly ('totp' | 'recovery_code' | 'passkey')[]
}

export type LoginOutcome = CompletedLogin | PendingLogin

/**
 * Where every login ends, however it began: one transaction that makes sure that what was proved still holds, that the address is verified (hardened), and that everything is
 * proved that the user can be asked for (CHECKLIST R139), ends the browser's earlier session and begins the new one, ends the counting of the proof's failures, remembers
 * the browser, and tells the owner what they should know. Nothing else begins a session.
 *
 * @returns a ticket in place of a session while a second factor is due; `null` where the proof no longer holds
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
): Promise<LoginOutcome | null> {
  const origin: Origin = { address: login.address, userAgent: login.userAgent, requestId: login.requestId }
  const by = { actor: login.actor, origin }
  const done = await deps.database.inTransaction(async (tx) => {
    if (!(await login.stillHolds(tx))) return null
    const user = await findUserById(tx, login.userId)
    if (!user) return null
    if (deps.config.posture === 'hardened' && !user.emailVerified) return { unverified: user }
    if (login.reservation !== null) await succeedAttempt(tx, login.reservation)
    const amr = unitedAmr(login.amr)
    if (login.actor !== 'application') {
      const factors = await findFactors(tx, user.id)
      if (isSecondDue(deps.config, factors, amr)) return askForSecond(deps, tx, { user, factors, amr, by })
    }
    if (login.presentedToken !== null) await endSessionOfTokenIn(deps, tx, login.presentedToken, by)
    const { token, id } = await issueSession(deps, tx, { ...origin, userId: user.id, amr })
    const name = login.actor === 'application' ? 'session_created' : 'authn_login_success'
    await recordEvent(deps, tx, { ...by, name, outcome: 'success', subject: user.id, session: id, factors: amr })
    const newDeviceToken = await rememberBrowser(deps, tx, { ...login, user, origin })
    return { status: 'logged_in' as const, email: user.email, sessionToken: token, newDeviceToken }
  })
  if (done === null || !('unverified' in done)) return done
  return refuseUnverified(deps, done.unverified, by)
}

/** Judged by the factors as they are in this transaction. A passkey is two factors in one; a mailed code is never a second one. */
export function isSecondDue(config: Pick<Deps['config'], 'secondFactor'>, factors: Factors, amr: readonly string[]): boolean {
  return (config.secondFactor === 'required' || hasSecondFactor(factors)) && !provesSecondFactor(amr)
}

async function askForSecond(
  deps: Pick<Deps, 'clock' | 'random' | 'keys'>,
  tx: Db,
  login: {
    readonly user: User
    readonly factors: Factors
    readonly amr: readonly string[]
    readonly by: { readonly actor: Actor; readonly origin: Origin }
  },
): Promise<PendingLogin> {
  const { user, factors, amr, by } = login
  const ticket = await issueTicket(deps, tx, { userId: user.id, amr })
  await recordEvent(deps, tx, { ...by, name: 'authn_second_factor_due', outcome: 'success', subject: user.id, factors: amr })
  return {
    status: 'second_factor_required',
    email: user.email,
    ticket,
    factors: hasSecondFactor(factors) ? secondFactorNames(factors) : [],
  }
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
