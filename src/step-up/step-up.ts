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
  const missing = await findMissingProof(deps, session)
  if (missing !== null)
    throw new AuthError('step_up_required', { logged: missing.reason, audited: { bucket: session.id, subject: session.user.id } })
}

/** What would have to be proved, one after the other, where there are two. */
export interface MissingProof {
  /** For the log. */
  readonly reason: string
  /** `login`: only a new one helps; this session has proved nothing that counts, and its user has no password. */
  readonly next: 'password' | 'second_factor' | 'login'
  readonly factors: Factors
}

/** For the page that asks for it. `null`: nothing is missing. */
export async function findMissingProof(deps: Pick<Deps, 'database' | 'clock'>, session: Session): Promise<MissingProof | null> {
  const factors = await findFactors(deps.database.reads, session.user.id)
  const { amr, secondFactorAt, authenticatedAt } = session
  const now = deps.clock.now()
  if (amr.includes('pop') && isRecent(secondFactorAt, now)) return null
  const first = factors.hasPassword ? 'pwd' : 'email'
  const withFirst = factors.hasPassword ? 'password' : 'login'
  if (!amr.includes(first))
    return { reason: `no ${first} in this session`, next: factors.passkeys > 0 ? 'second_factor' : withFirst, factors }
  if (hasSecondFactor(factors))
    return isRecent(secondFactorAt, now) ? null : { reason: 'no second factor lately', next: 'second_factor', factors }
  return isRecent(authenticatedAt, now) ? null : { reason: 'too long ago', next: withFirst, factors }
}

/** A clock that was set back makes no proof recent. */
function isRecent(at: Date | null, now: number): boolean {
  const age = at === null ? -1 : now - at.getTime()
  return age >= 0 && age <= STEP_UP_SECONDS * 1_000
}
