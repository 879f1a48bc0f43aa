import type { Db } from './database.ts'

/** Why a session ended. What another process ends, such as a command, is counted there and not here. */
export type SessionEnd =
  | 'logout'
  | 'replaced'
  | 'revoked'
  | 'password_change'
  | 'password_reset'
  | 'too_many'
  | 'user_disabled'
  | 'verified'
  | 'address_undone'
  | 'address_changed'
  | 'expired'
type Counted = 'created' | SessionEnd
export type SessionCounts = ReadonlyMap<Counted, number>

/** What each open transaction will have changed, if it commits. */
const changes = new WeakMap<Db, Map<Counted, number>>()

/** Count sessions that this transaction begins or ends: for the metrics, and only if it commits. */
export function countSessions(tx: Db, what: Counted, count: number): void {
  if (count > 0) add(changes.get(tx), what, count)
}

/** The work of a transaction, with its counts added to `counts` by `commit`. */
export function countingSessions<T>(counts: Map<Counted, number>, work: (tx: Db) => Promise<T>) {
  let changed = new Map<Counted, number>()
  return {
    work(tx: Db): Promise<T> {
      // Anew at each attempt: one that is tried again has changed nothing yet.
      changed = new Map()
      changes.set(tx, changed)
      return work(tx)
    },
    commit(): void {
      for (const [what, count] of changed) add(counts, what, count)
    },
  }
}

function add(counts: Map<Counted, number> | undefined, what: Counted, count: number): void {
  counts?.set(what, (counts.get(what) ?? 0) + count)
}
