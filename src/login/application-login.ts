import { APPLICATION } from '../audit/audit-event.ts'
import { recordEvent, recordFailure } from '../audit/record.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { findFactors } from '../factors/factors.ts'
import { NO_ORIGIN } from '../origin.ts'
import { confirmPassword, type TryDeps, tryPassword } from '../passwords/check-password.ts'
import { succeedAttempt } from '../throttles/throttle.ts'
import { findUserByEmail, isEnabled } from '../users/user.ts'
import { completeLogin, isSecondDue } from './complete-login.ts'
import { failureOf } from './refuse-login.ts'

type LoginDeps = TryDeps & Pick<Deps, 'random'>

/**
 * CONTRACT task 8: true only for the right password of a known, enabled user, in hardened of a verified one, and only where no second factor is due; false in any other case,
 * never an error. It counts as an attempt by a stranger, like any other (CHECKLIST R045).
 */
export async function validLogin(deps: LoginDeps, address: unknown, password: unknown): Promise<boolean> {
  try {
    const { check, reservation } = await tryPassword(deps, { email: address }, password, { address: null, presentedDevice: null })
    const missing = check.matches ? await missingBeside(deps, check) : check.reason
    if (!check.matches || missing !== null) {
      const refused = { userId: check.userId, reason: missing ?? '', address, reservation }
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

/** What a right password leaves open. `null`: nothing. */
async function missingBeside(
  deps: LoginDeps,
  { userId, verified }: { readonly userId: string; readonly verified: boolean },
): Promise<string | null> {
  if (deps.config.posture === 'hardened' && !verified) return 'unverified'
  const factors = await findFactors(deps.database.reads, userId)
  return isSecondDue(deps.config, factors, ['pwd']) ? 'second_factor_due' : null
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
  return done?.status === 'logged_in' ? done.sessionToken : null
}
