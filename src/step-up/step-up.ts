import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type Factors, findFactors, hasSecondFactor } from '../factors/factors.ts'
import type { Session } from '../sessions/session.ts'

/** CHECKLIST R167 (ASVS 5.0 V7.5.1-V7.5.3): what an account stands on may be changed for ten minutes after a factor was proved. */
export const STEP_UP_SECONDS = 600

/**
 * Has this session proved, within the last ten minutes, as much as its user can prove (CHECKLIST R168)? Whoever has a second factor must have proved that one, or a recovery
 * code in its place, in a session that has proved the first too; a passkey is both. Whoever has none, the password; whoever has no password either, a mailed code.
 * A session that an application made proves nothing. Judged by the factors as they are now: one that was added a moment ago on another device counts (R169).
 *
 * @throws AuthError `step_up_required`
 */
export async function requireStepUp(deps: Pick<Deps, 'database' | 'clock'>, session: Session): Promise<void> {
  const missing = missingProof(await findFactors(deps.database.reads, session.user.id), session, deps.clock.now())
  if (missing !== null)
    throw new AuthError('step_up_required', { logged: missing, audited: { bucket: session.id, subject: session.user.id } })
}

/** `null`: nothing is missing. */
function missingProof(factors: Factors, session: Session, now: number): string | null {
  const { amr, secondFactorAt, authenticatedAt } = session
  const first = factors.hasPassword ? 'pwd' : 'email'
  if (amr.includes('pop') && isRecent(secondFactorAt, now)) return null
  if (!amr.includes(first)) return `no ${first} in this session`
  if (!hasSecondFactor(factors)) return isRecent(authenticatedAt, now) ? null : 'too long ago'
  return isRecent(secondFactorAt, now) ? null : 'no second factor lately'
}

/** A clock that was set back makes no proof recent. */
function isRecent(at: Date | null, now: number): boolean {
  const age = at === null ? -1 : now - at.getTime()
  return age >= 0 && age <= STEP_UP_SECONDS * 1_000
}
