import { sameText } from '../crypto/same-bytes.ts'
import type { Deps } from '../deps.ts'
import {
  type AuditEventRow,
  type ChainHead,
  moveHead,
  noteKeyVersion,
  readHead,
  releaseLease,
  selectUnsealed,
  writeLinks,
} from './audit-store.ts'
import { eventLink, eventMac, signHead } from './event-seal.ts'

type SealerDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log'>

export interface Sealer {
  /** Seal what was there at the call, unless somebody else has the lease; and say the head where it is time. @returns how many were sealed. It never throws. */
  runDue(): Promise<number>
  /** Seal what is there, say the last head, and let others go on. */
  stop(): Promise<void>
}

/** An event is part of the chain within a second of its commit. */
export const SEAL_MILLISECONDS = 1_000
/** Five rounds: one that is held up loses nothing, one that died is missed for as long. */
const LEASE_MILLISECONDS = 5_000
/** Rows in one transaction: a login never waits long behind it. */
const BATCH = 200
const HEAD_MILLISECONDS = 60_000
const MAX_REFUSED = 1_000

/**
 * The one that numbers and links events, after their commit and apart from who wrote them: so logins do not wait for each other's place in a chain. Every process has one,
 * a lease in the database lets one of them work. An event that commits late gets a later number.
 */
export function makeSealer(deps: SealerDeps): Sealer {
  const owner = deps.random.uuid()
  const noted = new Map<string, number>()
  /** Rows whose MAC is wrong: said once each, never sealed. */
  const refused = new Set<string>()
  let head: ChainHead | null = null
  let said: { readonly seq: number; readonly at: number } = { seq: 0, at: deps.clock.now() }
  let running: Promise<number> | null = null
  let stopped = false

  async function seal(): Promise<number> {
    let sealed = 0
    try {
      let after = ''
      for (;;) {
        const found = await selectUnsealed(deps.database.reads, { after, limit: BATCH, keyVersions: deps.keys.versions })
        const rows = found.filter(isGenuine)
        if (rows.length > 0) {
          const to = await sealBatch(deps, { owner, noted }, rows)
          if (to === null) break
          head = to
          sealed += rows.length
        }
        after = found.at(-1)?.id ?? ''
        if (found.length < BATCH) break
      }
      if (deps.clock.now() - said.at >= HEAD_MILLISECONDS) sayHead()
    } catch (error) {
      deps.log.warn({ event: 'audit_not_sealed', err: error })
    }
    return sealed
  }

  function isGenuine(row: AuditEventRow): boolean {
    if (sameText(eventMac(deps.keys, row), row.mac)) return true
    if (!refused.has(row.id)) deps.log.error({ event: 'audit_event_forged', id: row.id })
    // Somebody who can write rows can write many.
    if (refused.size < MAX_REFUSED) refused.add(row.id)
    return false
  }

  /** For the log stream, which nobody rewrites who has the database only. A head that was said already says nothing new. */
  function sayHead(): void {
    const at = deps.clock.now()
    if (head !== null && head.seq > said.seq) deps.log.info({ event: 'audit_head', ...signHead(deps.keys, 'head', { ...head, at }) })
    said = { seq: head?.seq ?? said.seq, at }
  }

  async function runDue(): Promise<number> {
    // One that is under way has looked already: what was written since waits for the next, which all who came meanwhile share.
    await running
    if (stopped || deps.keys.versions.length === 0) return 0
    running ??= seal().finally(() => {
      running = null
    })
    return running
  }

  return {
    runDue,
    async stop() {
      await runDue()
      stopped = true
      sayHead()
      if (head !== null) await deps.database.inTransaction((tx) => releaseLease(tx, owner)).catch(() => {})
    },
  }
}

interface Self {
  readonly owner: string
  /** Up to where each version of the secret is noted as needed. */
  readonly noted: Map<string, number>
}

/** Noted ahead, so that not every batch writes it; a version is then asked for by so many events too long. */
const NOTED_AHEAD = 1_000

/** @returns the new head, or `null` where somebody else has the lease, or has been there first */
async function sealBatch(deps: SealerDeps, { owner, noted }: Self, rows: readonly AuditEventRow[]): Promise<ChainHead | null> {
  const now = deps.clock.now()
  const from = await readHead(deps.database.reads)
  if (from.owner !== owner && from.leaseUntil > now) return null
  let to: ChainHead = from
  const links = rows.map((row) => {
    const seq = to.seq + 1
    to = { seq, link: eventLink(deps.keys, to.link, { ...row, seq }) }
    return { ...to, id: row.id }
  })
  try {
    await deps.database.inTransaction(async (tx) => {
      // The time is asked for once more: whoever waited for the lock longer than the lease has none.
      const lease = { owner, now: deps.clock.now(), until: now + LEASE_MILLISECONDS }
      if (!(await moveHead(tx, { from, to, lease }))) throw new NotOurs()
      if ((await writeLinks(tx, links)) !== rows.length) throw new NotOurs()
      for (const version of new Set(rows.map((row) => row.key_version)))
        if ((noted.get(version) ?? 0) < to.seq) await noteKeyVersion(tx, version, to.seq + NOTED_AHEAD)
    })
  } catch (error) {
    if (error instanceof NotOurs) return null
    throw error
  }
  for (const { key_version } of rows) if ((noted.get(key_version) ?? 0) < to.seq) noted.set(key_version, to.seq + NOTED_AHEAD)
  return to
}

/** Rolls a batch back: another sealer has the lease, or a row is gone. The next round looks again. */
class NotOurs extends Error {}
