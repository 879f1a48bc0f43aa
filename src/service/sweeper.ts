import type { Deps } from '../deps.ts'
import { deleteExpiredResetTokens } from '../password-reset/password-reset-store.ts'
import { deleteExpiredSessions } from '../sessions/session-store.ts'

/** Small enough that a login never waits long behind it. */
const BATCH = 500

/** Remove sessions and tokens that ended by themselves, batch by batch (CHECKLIST R294). Ended ones were refused all along. @returns how many */
export async function sweep(deps: Pick<Deps, 'database' | 'clock' | 'config'>): Promise<number> {
  const now = new Date(deps.clock.now())
  const lastSeenBefore = new Date(now.getTime() - deps.config.session.idleSeconds * 1_000)
  const removers = [
    () => deps.database.inTransaction((tx) => deleteExpiredSessions(tx, { now, lastSeenBefore, limit: BATCH })),
    () => deps.database.inTransaction((tx) => deleteExpiredResetTokens(tx, now, BATCH)),
  ]
  let removed = 0
  for (const remove of removers) {
    let count = BATCH
    while (count === BATCH) {
      count = await remove()
      removed += count
    }
  }
  return removed
}
