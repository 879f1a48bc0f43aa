import { recordEvent, recordFailure } from '../audit/record.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { tryPassword } from '../passwords/check-password.ts'
import { renewSession, type Session } from '../sessions/session.ts'
import { succeedAttempt } from '../throttles/throttle.ts'

/** CHECKLIST R167 (ASVS 5.0 V7.5.1-V7.5.3): what an account stands on may be changed for ten minutes after a factor was proved. */
export const STEP_UP_SECONDS = 600

/**
 * Has this session proved a factor of its user within the last ten minutes? A password counts; a mailed code does only for a user who has no password, so that the
 * proof is never weaker than what the account has (CHECKLIST R168, R169: judged by the user's row as it is now). A session that an application made proves nothing.
 *
 * @throws AuthError `step_up_required`
 */
export function requireStepUp(deps: Pick<Deps, 'clock'>, session: Session): void {
  const factor = session.user.hasPassword ? 'pwd' : 'email'
  const age = deps.clock.now() - session.authenticatedAt.getTime()
  // A clock that was set back makes no proof recent.
  if (!session.amr.includes(factor) || age < 0 || age > STEP_UP_SECONDS * 1_000)
    throw new AuthError('step_up_required', {
      logged: session.amr.includes(factor) ? 'too long ago' : `no ${factor} in this session`,
      audited: { bucket: session.id, subject: session.user.id },
    })
}

type ReauthenticationDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'hashQueue' | 'log'>

/**
 * Prove the password again, for this session. It goes on under a new token; the one before it is dead (CHECKLIST R059).
 *
 * @returns the session's new token
 * @throws AuthError `password_wrong`, `too_many_attempts`, `busy`
 * @throws AuthError `session_required` - the session ended meanwhile
 */
export async function reauthenticate(
  deps: ReauthenticationDeps,
  session: Session,
  proof: { readonly password: string; readonly presentedDevice: string | null; readonly origin: Origin },
): Promise<string> {
  const userId = session.user.id
  const { check, reservation } = await tryPassword(deps, { userId }, proof.password, {
    ...proof.origin,
    presentedDevice: proof.presentedDevice,
  })
  const event = { actor: { user: userId }, subject: userId, session: session.id, origin: proof.origin, factors: ['pwd'] } as const
  if (!check.matches) {
    await recordFailure(deps, { outcome: 'failure', ...event, name: 'authn_step_up_fail', reason: check.reason })
    throw new AuthError('password_wrong', { logged: check.reason })
  }
  return deps.database.inTransaction(async (tx) => {
    const token = await renewSession(deps, tx, session, { proved: 'pwd', by: event })
    await succeedAttempt(tx, reservation)
    await recordEvent(deps, tx, { ...event, name: 'authn_step_up_success', outcome: 'success' })
    return token
  })
}
