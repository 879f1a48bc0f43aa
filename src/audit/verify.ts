import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { isInMemory } from '../config.ts'
import { sameText } from '../crypto/same-bytes.ts'
import type { Deps } from '../deps.ts'
import { type ChainHead, readHead, readState, selectUnsealed } from './audit-store.ts'
import { eventMac, isSignedHead, type SignedHead } from './event-seal.ts'
import { checkpointOf } from './retention.ts'
import { type Finding, type Findings, makeFindings, problemOfOrigin, type Range, type RangeVerdict, verifyRange } from './verify-range.ts'
import type { VerifyThreadData } from './verify-thread.ts'

export interface Verdict {
  readonly intact: boolean
  readonly sealed: number
  readonly unsealed: number
  /** The numbers of the chain that is there. */
  readonly first: number
  readonly last: number
  /** The first ones; `problems` counts all. */
  readonly findings: readonly Finding[]
  readonly problems: number
  /** Versions of the secret that rows were written with and that are not configured: what those rows hold, nobody can check. */
  readonly missingKeyVersions: readonly string[]
}

type VerifyDeps = Pick<Deps, 'database' | 'keys' | 'config'>

interface VerifyOptions {
  /** Heads from outside of the database: the log stream, an export. */
  readonly heads: readonly SignedHead[]
  readonly onRows: (done: number, total: number) => void
  /** Rows of one part; without it, a fraction of a second's work. */
  readonly partRows?: number
}

const PAGE = 2_000
const MAX_FINDINGS = 100

/**
 * Read the whole chain from its beginning, or from its signed cut, and compare what is written with what the key says. It changes nothing, and needs no service.
 *
 * A row's link covers its number, every field and the link before it: so a wrong one is a row that was altered, or one that stands where it did not.
 */
export async function verifyAudit(deps: VerifyDeps, options: VerifyOptions): Promise<Verdict> {
  const verdict = await verifyOnce(deps, options)
  // Retention may have cut behind our back; then what is missing is not. A second look tells.
  return verdict.intact || verdict.missingKeyVersions.length > 0 ? verdict : verifyOnce(deps, options)
}

async function verifyOnce(deps: VerifyDeps, { heads, onRows, partRows = PART_ROWS }: VerifyOptions): Promise<Verdict> {
  const { reads } = deps.database
  const found = makeFindings()
  const cut = checkpointOf(await readState(reads, 'cut'))
  if (cut && !isSignedHead(deps.keys, 'cut', cut)) found.add(null, 'the signature of the cut is wrong', cut.seq)
  const head = await readHead(reads)
  const begin = { seq: cut?.seq ?? 0, link: cut?.link ?? '' }
  const wanted = [head.seq, ...heads.map(({ seq }) => seq)]
  const parts = partsOf({ begin, end: head.seq, partRows }, wanted)
  const verdicts = await verifyParts(deps, parts, (done) => onRows(done, Math.max(head.seq - begin.seq, done)))
  const missing = new Set(verdicts.flatMap((part) => part.missing))
  const last = verdicts.at(-1)?.last ?? begin.seq
  const links = [begin, ...verdicts.flatMap((part) => part.links)]
  const chain = { first: begin.seq + 1, last, linksAt: new Map(links.map(({ seq, link }) => [seq, link])), found }
  checkEnd(chain, head, await readHead(reads))
  for (const signed of heads) checkHead(deps, signed, chain)
  const unsealed = await checkUnsealed(deps, { found, missing })
  const problems = found.count() + verdicts.reduce((sum, part) => sum + part.problems, 0)
  return {
    intact: problems === 0 && missing.size === 0,
    sealed: verdicts.reduce((sum, part) => sum + part.rows, 0),
    unsealed,
    first: chain.first,
    last,
    findings: [...verdicts.flatMap((part) => part.findings), ...found.list].slice(0, MAX_FINDINGS),
    problems,
    missingKeyVersions: [...missing].sort(),
  }
}

const PART_ROWS = 25_000

/** Each part knows where it ends by the number at which the next begins; the last one reads on to whatever is there. */
function partsOf(
  { begin, end, partRows }: { readonly begin: ChainHead; readonly end: number; readonly partRows: number },
  wanted: readonly number[],
): Range[] {
  const count = Math.max(1, Math.ceil((end - begin.seq) / partRows))
  return Array.from({ length: count }, (_, part) => {
    const after = begin.seq + part * partRows
    const to = part === count - 1 ? Number.MAX_SAFE_INTEGER : after + partRows
    return { after, to, link: part === 0 ? begin.link : null, wanted: wanted.filter((seq) => seq > after && seq <= to) }
  })
}

/** A long chain is checked by several threads, each with a connection of its own: the hashes take longer than the reading. */
async function verifyParts(deps: VerifyDeps, parts: readonly Range[], onRows: (done: number) => void): Promise<RangeVerdict[]> {
  const { database, keys, config } = deps
  const threads = isInMemory(config.database) ? 1 : Math.min(parts.length, availableParallelism(), MAX_THREADS)
  const verdicts: RangeVerdict[] = []
  let next = 0
  let done = 0
  async function work(verify: (part: Range) => Promise<RangeVerdict>): Promise<void> {
    for (let at = next++; at < parts.length; at = next++) {
      const verdict = await verify(parts[at] as Range)
      verdicts[at] = verdict
      done += verdict.rows
      onRows(done)
    }
  }
  if (threads === 1) await work((part) => verifyRange(database.reads, keys, part))
  else await Promise.all(Array.from({ length: threads }, () => withThread(deps, work)))
  return verdicts
}

/** The database's own processes want a core too. */
const MAX_THREADS = 4

async function withThread(deps: VerifyDeps, work: (verify: (part: Range) => Promise<RangeVerdict>) => Promise<void>): Promise<void> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const keys = deps.keys.versions.map((version): [string, Uint8Array] => [version, deps.keys.key('audit', version)])
  const workerData: VerifyThreadData = { location: deps.config.database, keys }
  const thread = new Worker(new URL(`./verify-thread.${extension}`, import.meta.url), { workerData })
  try {
    await work(async (part) => {
      thread.postMessage(part)
      const [verdict] = await once(thread, 'message')
      return verdict
    })
  } finally {
    await thread.terminate()
  }
}

/** `head` was read before the rows and `headNow` after them, since a service may go on meanwhile. */
function checkEnd(chain: Chain, head: ChainHead, headNow: ChainHead): void {
  const { last, linksAt, found } = chain
  if (last < head.seq) found.add(null, `the last rows were removed, up to ${head.seq}`, last + 1)
  else if (linksAt.get(head.seq) !== head.link) found.add(null, 'the row is not the one that the sealer wrote here', head.seq)
  if (last > headNow.seq) found.add(null, 'the chain goes on behind its end', headNow.seq + 1)
}

interface Chain {
  readonly first: number
  readonly last: number
  readonly linksAt: ReadonlyMap<number, string>
  readonly found: Findings
}

function checkHead({ keys }: VerifyDeps, signed: SignedHead, { first, last, linksAt, found }: Chain): void {
  if (!isSignedHead(keys, 'head', signed)) found.add(null, 'the signature of the head from outside is wrong', signed.seq)
  // Older than the cut: the rows it tells of were removed by retention.
  else if (signed.seq < first - 1) return
  else if (signed.seq > last) found.add(null, `the head from outside tells of rows that are gone, up to ${signed.seq}`, last + 1)
  else if (linksAt.get(signed.seq) !== signed.link)
    found.add(null, 'the chain is not the one that the head from outside tells of', signed.seq)
}

/** They have no place yet, but they have their MAC. */
async function checkUnsealed(
  { database, keys }: VerifyDeps,
  report: { readonly found: Findings; readonly missing: Set<string> },
): Promise<number> {
  let unsealed = 0
  let after = ''
  for (;;) {
    const rows = await selectUnsealed(database.reads, { after, limit: PAGE })
    for (const row of rows) {
      if (!keys.versions.includes(row.key_version)) report.missing.add(row.key_version)
      else if (!sameText(eventMac(keys, row), row.mac))
        report.found.add(row, 'a row that is not sealed was altered, or is none of ours', null)
      else if (problemOfOrigin(row) !== null) report.found.add(row, problemOfOrigin(row) ?? '', null)
    }
    unsealed += rows.length
    if (rows.length < PAGE) return unsealed
    after = rows.at(-1)?.id ?? ''
  }
}
