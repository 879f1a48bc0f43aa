import type { Deps } from '../deps.ts'
import type { Session } from './session.ts'
import { updateLastSeen } from './session-store.ts'

/** Not more often than once a minute, nor than a hundredth of the idle lifetime: the write costs more than the look-up it follows. */
const LEAST_SECONDS = 60
/** In one transaction: whoever ends one of these sessions waits for it, on a distant server a tenth of a second. */
const BATCH = 100

export interface LastSeenWriter {
  /** Note that a session was used; written after the answer, together with others. */
  note(session: Session): void
  /** Wait until everything noted is written, or could not be. */
  settled(): Promise<void>
}

/**
 * Writes `last_seen_at` behind the answers. Sightings gather while a write is under way and go in one transaction.
 * A failed write changes no answer; the next use of the session notes it again.
 */
export function makeLastSeenWriter(deps: Pick<Deps, 'database' | 'clock' | 'config' | 'log'>): LastSeenWriter {
  const every = Math.max(LEAST_SECONDS, deps.config.session.idleSeconds / 100) * 1_000
  const noted = new Map<string, Date>()
  let writing: Promise<void> | null = null

  async function write(): Promise<void> {
    // After the answer: whoever noted is still busy writing it.
    await new Promise((resolve) => setImmediate(resolve))
    while (noted.size > 0) {
      // In one order, so that two processes that saw the same sessions do not wait for each other.
      const batch = [...noted].slice(0, BATCH).sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [id] of batch) noted.delete(id)
      try {
        await deps.database.inTransaction(async (tx) => {
          for (const [id, seenAt] of batch) await updateLastSeen(tx, id, seenAt)
        })
      } catch (error) {
        deps.log.warn({ event: 'last_seen_not_written', sessions: batch.length, err: error })
      }
    }
    writing = null
  }

  return {
    note(session) {
      const now = deps.clock.now()
      if (now - session.lastSeenAt.getTime() < every) return
      noted.set(session.id, new Date(now))
      writing ??= write()
    },
    settled: async () => void (await writing),
  }
}
