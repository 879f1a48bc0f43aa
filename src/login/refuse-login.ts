import type { AuditEvent } from '../audit/audit-event.ts'
import { identifierDetail, recordFailure } from '../audit/record.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { FAILURES_BEFORE_WAIT } from '../throttles/limits.ts'
import type { Reservation } from '../throttles/throttle.ts'
import { parseEmailAddress } from '../users/email-address.ts'

export interface RefusedLogin {
  readonly userId: string | null
  readonly reason: string
  readonly address: unknown
  readonly reservation?: Reservation
  /** More of the reason, for the log stream. */
  readonly detail?: string
  /** Where no throttle holds a flood back: what is recorded at most once a minute. */
  readonly oncePerMinute?: string
}

/**
 * One refusal for every reason; the audit log has the true one.
 *
 * @throws AuthError `login_refused`, always
 */
export async function refuse(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log'>,
  origin: Origin,
  refused: RefusedLogin,
): Promise<never> {
  await recordFailure(deps, failureOf(deps, origin, refused), refused.oncePerMinute)
  throw new AuthError('login_refused', { logged: refused.detail ?? refused.reason })
}

export function failureOf(deps: Pick<Deps, 'keys'>, { address, userAgent, requestId }: Origin, refused: RefusedLogin): AuditEvent {
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
