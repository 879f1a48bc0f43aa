import type { Deps } from '../deps.ts'
import { SERVICE } from './audit-event.ts'
import { cutChain, readState, type SealedRow, type StateRow, selectSealed, truncateOrigins } from './audit-store.ts'
import { type SignedHead, signHead } from './event-seal.ts'
import { recordEvent } from './record.ts'

type RetentionDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>

/** CHECKLIST R291: where somebody was and with what browser serves nobody after 90 days. */
const ORIGIN_SECONDS = 90 * 86_400

/**
 * Remove at most `limit` of the oldest events whose time is over. The chain begins again behind them, from a checkpoint that is signed: number and link of the last one
 * removed. Only sealed events go, and only from the beginning, so that no hole is ever ours.
 *
 * @returns how many
 */
export async function removeOldEvents(deps: RetentionDeps, limit: number): Promise<number> {
  const cut = checkpointOf(await readState(deps.database.reads, 'cut'))
  const old = await oldest(deps, { after: cut?.seq ?? 0, seconds: deps.config.audit.retentionSeconds, limit })
  const last = old.at(-1)
  if (!last) return 0
  const signed = signHead(deps.keys, 'cut', { seq: last.seq, link: last.link, at: deps.clock.now() })
  return deps.database.inTransaction(async (tx) => {
    const removed = await cutChain(tx, { from: cut?.seq ?? 0, to: signed })
    const detail = `events=${removed} last=${last.seq}`
    if (removed > 0) await recordEvent(deps, tx, { ...SERVICE, name: 'audit_cut', outcome: 'success', subject: null, detail })
    return removed
  })
}

/** Forget address and user agent of at most `limit` old events, with the salt of their digest: the chain stays whole. @returns how many */
export async function truncateOldOrigins(deps: RetentionDeps, limit: number): Promise<number> {
  const done = (await readState(deps.database.reads, 'truncated'))?.seq ?? 0
  const seconds = Math.min(ORIGIN_SECONDS, deps.config.audit.retentionSeconds)
  const old = await oldest(deps, { after: done, seconds, limit })
  const last = old.at(-1)
  if (!last) return 0
  await deps.database.inTransaction((tx) => truncateOrigins(tx, { after: done, to: last.seq }))
  return old.length
}

/** Sealed events from the beginning that are all older than that. */
async function oldest(
  deps: Pick<Deps, 'database' | 'clock'>,
  { after, seconds, limit }: { readonly after: number; readonly seconds: number; readonly limit: number },
): Promise<SealedRow[]> {
  const before = deps.clock.now() - seconds * 1_000
  const rows = await selectSealed(deps.database.reads, { after, limit })
  const young = rows.findIndex(({ at }) => at > before)
  return young === -1 ? rows : rows.slice(0, young)
}

/** Where the chain begins after a cut. */
export function checkpointOf(row: StateRow | undefined): SignedHead | null {
  if (!row) return null
  return { seq: row.seq, link: row.link, at: row.at, key_version: row.key_version ?? '', signature: row.signature ?? '' }
}
