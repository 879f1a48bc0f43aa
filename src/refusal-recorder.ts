import { recordFailure, recordThrottled } from './audit/record.ts'
import type { Deps } from './deps.ts'
import type { AuthError } from './errors.ts'
import { originOf, type RouteContext } from './http/route.ts'

/** Refusals that no rule has recorded, since nothing was tried: at most one a minute each, so that a flood of them cannot fill the disk. */
export function makeRefusalRecorder(deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log'>) {
  return async function record(refusal: AuthError, c: Pick<RouteContext, 'ask' | 'exchange'>): Promise<void> {
    const { audited, logged } = refusal.details
    if (!audited) return
    const { bucket, subject } = audited
    const what = { origin: originOf(c), subject, ...(logged !== undefined && { reason: logged }) }
    if (refusal.code === 'too_many_attempts') return recordThrottled(deps, { ...what, bucket })
    const actor = subject === null ? 'nobody' : { user: subject }
    await recordFailure(deps, { ...what, name: 'authz_fail', outcome: 'failure', actor }, bucket)
  }
}
