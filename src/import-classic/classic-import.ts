import { readStoredHash } from '../crypto/password-hash.ts'
import type { Deps } from '../deps.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findTaken, insertImportedUsers } from './classic-import-store.ts'
import type { ClassicRow, ClassicSource } from './classic-source.ts'

/** What became of one row. `reason` is there whenever the row was not imported just as it stands. */
export interface RowReport {
  readonly id: number
  readonly email: string
  readonly outcome: 'imported' | 'imported_without_password' | 'already_imported' | 'rejected'
  readonly reason: string | null
}

export interface ImportSummary {
  readonly rows: number
  readonly imported: number
  readonly imported_without_password: number
  readonly already_imported: number
  readonly rejected: number
}

/** A user to be, from a row that passed. */
export interface Candidate {
  readonly row: ClassicRow
  readonly canonical: string
  readonly passwordHash: string | null
  readonly hashProblem: string | null
}

/** Rows in one transaction: long enough to be fast, short enough that a running service never waits long behind it. */
const BATCH = 1_000

/**
 * Take over the users of a classic database, by CONTRACT's rules: session ids and reset tokens are never imported; of duplicates the lowest id wins;
 * a hash that cannot be used imports the user without a password; what is no address is rejected. A row's id becomes the user's external id, so that an
 * application's foreign keys go on working. Running it again imports nothing twice. With `dryRun` nothing is written and the same is reported.
 */
export async function importClassic(
  deps: Pick<Deps, 'database' | 'clock' | 'random'>,
  source: ClassicSource,
  options: { readonly dryRun: boolean; readonly onRow: (report: RowReport) => void },
): Promise<ImportSummary> {
  const summary = { rows: 0, imported: 0, imported_without_password: 0, already_imported: 0, rejected: 0 }
  for (const batch of batches(source.rows(), BATCH)) {
    for (const report of await importBatch(deps, batch, options.dryRun)) {
      summary.rows++
      summary[report.outcome]++
      options.onRow(report)
    }
  }
  return summary
}

async function importBatch(
  deps: Pick<Deps, 'database' | 'clock' | 'random'>,
  rows: readonly ClassicRow[],
  dryRun: boolean,
): Promise<RowReport[]> {
  const judged = rows.map(judge)
  const candidates = judged.filter((entry): entry is Candidate => 'canonical' in entry)
  const importable = await (dryRun
    ? settle(deps, candidates, true)
    : deps.database.inTransaction((tx) => settle({ ...deps, tx }, candidates, false)))
  return judged.map((entry) => ('canonical' in entry ? (importable.get(entry.row.id) as RowReport) : entry))
}

/** Judge one row by itself. */
function judge(row: ClassicRow): RowReport | Candidate {
  const email = parseEmailAddress(row.email)
  if (!email) return reject(row, row.email === '' ? 'the address is empty' : 'not an email address')
  if (row.winner !== row.id) return reject(row, `the address is that of row ${row.winner}`)
  const usable = readStoredHash(row.hashedPassword) !== null
  return {
    row,
    canonical: email.canonical,
    passwordHash: usable ? row.hashedPassword : null,
    hashProblem: usable ? null : hashProblemOf(row.hashedPassword),
  }
}

function hashProblemOf(stored: string): string {
  const cost = /^\$2[aby]\$(\d\d)\$/.exec(stored)?.[1]
  if (cost !== undefined && Number(cost) > 14) return `without a password: bcrypt cost ${Number(cost)} is above 14`
  return 'without a password: the stored hash is none that can be checked'
}

type SettleDeps = Pick<Deps, 'database' | 'clock' | 'random'> & { readonly tx?: Parameters<typeof findTaken>[0] }

/** Judge a batch against the users that are there, and insert what can be. */
async function settle(deps: SettleDeps, candidates: readonly Candidate[], dryRun: boolean): Promise<Map<number, RowReport>> {
  const db = deps.tx ?? deps.database.reads
  const taken = await findTaken(db, candidates)
  const reports = new Map<number, RowReport>()
  const inserts: (Candidate & { readonly id: string; readonly externalId: string | null })[] = []
  for (const candidate of candidates) {
    const externalId = String(candidate.row.id)
    const holder = taken.byAddress.get(candidate.canonical)
    if (holder !== undefined) {
      const again = holder.externalId === externalId
      reports.set(
        candidate.row.id,
        again
          ? { ...named(candidate.row), outcome: 'already_imported', reason: null }
          : reject(candidate.row, 'the address is registered already'),
      )
      continue
    }
    const idTaken = taken.externalIds.has(externalId)
    const notes = [candidate.hashProblem, idTaken ? `without its id: ${externalId} belongs to another user` : null].filter(
      (note) => note !== null,
    )
    reports.set(candidate.row.id, {
      ...named(candidate.row),
      outcome: candidate.passwordHash === null ? 'imported_without_password' : 'imported',
      reason: notes.join('; ') || null,
    })
    inserts.push({ ...candidate, id: deps.random.uuid(), externalId: idTaken ? null : externalId })
  }
  if (!dryRun) await insertImportedUsers(db, inserts, new Date(deps.clock.now()))
  return reports
}

function named(row: ClassicRow): Pick<RowReport, 'id' | 'email'> {
  return { id: row.id, email: row.email }
}

function reject(row: ClassicRow, reason: string): RowReport {
  return { ...named(row), outcome: 'rejected', reason }
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
