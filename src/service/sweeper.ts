import type { Deps } from '../deps.ts'
import { removeExpiredResetTokens } from '../password-reset/password-reset.ts'
import { removeExpiredSessions } from '../sessions/session.ts'

/**
 * Small enough that a login never waits long behind it, and that it ends within the time of a statement: of ten million sessions each row that is removed lies on
 * seven pages of its own, which may all have to come from the disk.
 */
const BATCH = 100

/** Remove sessions and tokens that ended by themselves, batch by batch (CHECKLIST R294). @returns how many */
export async function sweep(deps: Pick<Deps, 'database' | 'clock' | 'config'>): Promise<number> {
  let removed = 0
  for (const remove of [removeExpiredSessions, removeExpiredResetTokens]) {
    let count = BATCH
    while (count >= BATCH) {
      count = await remove(deps, BATCH)
      removed += count
    }
  }
  return removed
}
