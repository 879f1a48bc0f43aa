import type { Keyring } from '../crypto/keyring.ts'
import { sameText } from '../crypto/same-bytes.ts'
import type { Db } from '../db/database.ts'
import { type AuditEventRow, type ChainHead, type SealedRow, selectSealed } from './audit-store.ts'
import { eventLink, eventMac, originDigest } from './event-seal.ts'

/** What is wrong, and where. `seq` and `id` are those of the row; `null` where it is gone or has none. */
export interface Finding {
  readonly seq: number | null
  readonly id: string | null
  readonly problem: string
}

/** A part of the chain: the numbers behind `after`, up to `to`. */
export interface Range {
  readonly after: number
  readonly to: number
  /** The link at `after`, where the chain begins; elsewhere it is read. */
  readonly link: string | null
  /** Numbers whose links are wanted. */
  readonly wanted: readonly number[]
}

export interface RangeVerdict {
  readonly rows: number
  readonly findings: readonly Finding[]
  readonly problems: number
  readonly missing: readonly string[]
  /** Of the wanted numbers. */
  readonly links: readonly ChainHead[]
  readonly last: number
}

type RangeKeys = Pick<Keyring, 'versions' | 'key'>

const PAGE = 2_000
const MAX_FINDINGS = 100

/** Check one part of the chain. What it needs of the part before is one link. */
export async function verifyRange(db: Db, keys: RangeKeys, range: Range): Promise<RangeVerdict> {
  const found = makeFindings()
  const missing = new Set<string>()
  const links: ChainHead[] = []
  const wanted = new Set(range.wanted)
  // A row that is not there is missed by the part before; then nothing is known of its link.
  const link = range.link ?? (await selectSealed(db, { after: range.after - 1, to: range.after, limit: 1 }))[0]?.link ?? null
  let previous: { readonly seq: number; readonly link: string | null } = { seq: range.after, link }
  let count = 0
  for (;;) {
    const rows = await selectSealed(db, { after: previous.seq, to: range.to, limit: PAGE })
    for (const row of rows) {
      checkRow(keys, previous, row, { found, missing })
      previous = { seq: row.seq, link: row.link }
      if (wanted.has(row.seq)) links.push({ seq: row.seq, link: row.link })
    }
    count += rows.length
    if (rows.length < PAGE) break
  }
  // The last part reads on to whatever is there; how far that should be, the head says.
  const gap = range.to - previous.seq
  if (gap > 0 && range.to !== Number.MAX_SAFE_INTEGER) found.add(null, removedText(gap, range.to), previous.seq + 1)
  return { rows: count, findings: found.list, problems: found.count(), missing: [...missing], links, last: previous.seq }
}

export interface Findings {
  readonly list: Finding[]
  add(row: Pick<AuditEventRow, 'id'> | null, problem: string, seq: number | null): void
  count(): number
}

export function makeFindings(): Findings {
  const list: Finding[] = []
  let count = 0
  return {
    list,
    add(row, problem, seq) {
      count++
      if (list.length < MAX_FINDINGS) list.push({ seq, id: row?.id ?? null, problem })
    },
    count: () => count,
  }
}

function removedText(count: number, last: number): string {
  return count === 1 ? 'a row was removed' : `${count} rows were removed, up to ${last}`
}

function checkRow(
  keys: RangeKeys,
  previous: { readonly seq: number; readonly link: string | null },
  row: SealedRow,
  { found, missing }: { readonly found: Findings; readonly missing: Set<string> },
): void {
  const gap = row.seq - previous.seq - 1
  if (gap > 0) found.add(null, removedText(gap, row.seq - 1), previous.seq + 1)
  if (!keys.versions.includes(row.key_version)) return void missing.add(row.key_version)
  const altered = problemOfOrigin(row)
  if (altered !== null) found.add(row, altered, row.seq)
  // Behind a gap there is nothing to compare the link with: what the row holds, its MAC says.
  const follows = gap === 0 && previous.link !== null
  if (follows && sameText(eventLink(keys, previous.link ?? '', row), row.link ?? '')) return
  if (!sameText(eventMac(keys, row), row.mac)) found.add(row, 'the row was altered, or is none of ours', row.seq)
  else if (follows) found.add(row, 'the row does not follow the one before it: inserted, moved, or its number or link altered', row.seq)
}

/** The clear address and user agent are not in the chain; their digest is. Truncated, all three are gone: clear values and salt. */
export function problemOfOrigin({ salt, address, user_agent, origin_digest }: AuditEventRow): string | null {
  if (salt === null) return address === null && user_agent === null ? null : 'an address or user agent stands where there was none'
  return sameText(originDigest(salt, address, user_agent), origin_digest ?? '')
    ? null
    : 'the address, the user agent or their salt was altered'
}
