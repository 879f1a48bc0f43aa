import { OPERATOR } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import { type Keyring, makeKeyring } from '../crypto/keyring.ts'
import { readStoredHash } from '../crypto/password-hash.ts'
import type { Deps } from '../deps.ts'
import type { EmailAddress } from '../users/email-address.ts'
import { type Claims, openClaims } from './claims-store.ts'
import { findTaken, insertImportedUsers, type Taken } from './import-store.ts'

/** A user as a source has them. */
export interface SourceUser {
  readonly email: EmailAddress
  readonly externalId: string | null
  readonly emailVerified: boolean
  readonly name: string | null
  /** JSON text. */
  readonly metadata: string | null
  /** As it is stored there, usable or not. */
  readonly passwordHash: string | null
  readonly disabled: boolean
  /** `null`: the time of the import. */
  readonly createdAt: Date | null
}

/** Why a row is not imported, and the field at fault where it is one. */
export interface Fault {
  readonly field: string | null
  readonly reason: string
}

/** One row: a user, or what keeps it from being one. */
export type SourceRow = { readonly number: number; readonly email: string } & ({ readonly user: SourceUser } | { readonly fault: Fault })

export interface Source extends Disposable {
  /** What people call one of its rows. */
  readonly unit: 'row' | 'line'
  /** An external id that somebody else has: leave the id away, or the user. */
  readonly whenIdTaken: 'import_without_id' | 'reject'
  /** How much there is to read, and how much was read; `null` where nobody knows. */
  readonly size: number | null
  position(): number
  /** In order, one by one, so that memory stays flat. */
  rows(): Iterable<SourceRow> | AsyncIterable<SourceRow>
}

/** What became of one row. `reason` is there whenever the row was not imported just as it stands. */
export interface RowReport {
  readonly number: number
  readonly email: string
  readonly outcome: 'imported' | 'imported_without_password' | 'already_imported' | 'rejected'
  readonly field: string | null
  readonly reason: string | null
}

export interface ImportSummary {
  readonly rows: number
  readonly imported: number
  readonly imported_without_password: number
  readonly already_imported: number
  readonly rejected: number
}

/** A user who may be imported, unless somebody else is in the way. A hash that cannot be used is gone already. */
export interface Candidate {
  readonly number: number
  readonly user: SourceUser
  readonly hashProblem: string | null
}

/** Rows in one transaction: long enough to be fast, short enough that a running service never waits long behind it. */
const BATCH = 1_000

/** Longer than any format that readStoredHash knows. */
const HASH_MAX_LENGTH = 1_024

type ImportDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>

interface Run {
  readonly source: Source
  readonly claims: Claims
  readonly dryRun: boolean
}

/**
 * Take over the users of a source. Of rows that share an address, in any spelling, or an external id, the first that can be imported wins; a hash that
 * cannot be used imports the user without a password; running it again imports nothing twice. With `dryRun` nothing is written and the same is reported.
 */
export async function importUsers(
  deps: ImportDeps,
  source: Source,
  options: { readonly dryRun: boolean; readonly onRow: (report: RowReport) => void },
): Promise<ImportSummary> {
  const summary = { rows: 0, imported: 0, imported_without_password: 0, already_imported: 0, rejected: 0 }
  using claims = openClaims()
  for await (const rows of batches(source.rows(), BATCH)) {
    for (const report of await importBatch(deps, { source, claims, dryRun: options.dryRun }, rows)) {
      summary.rows++
      summary[report.outcome]++
      options.onRow(report)
    }
  }
  return summary
}

async function importBatch(deps: ImportDeps, run: Run, rows: readonly SourceRow[]): Promise<RowReport[]> {
  const reports = new Map<number, RowReport>()
  for (const row of rows) if ('fault' in row) reports.set(row.number, rejected(row.number, row.email, row.fault))
  const peppers = makeKeyring(deps.config.secrets.pepper)
  let waiting = rows.flatMap((row) => ('user' in row ? [candidateOf(row.number, row.user, peppers)] : []))
  const now = new Date(deps.clock.now())
  // A registration beside us may take an address between the look and the write; whom the unique index keeps out is judged once more.
  while (waiting.length > 0) {
    const taken = await findTaken(deps.database.reads, waiting)
    const judged = run.claims.inTransaction(() => waiting.map((candidate) => judge(run, candidate, taken)))
    for (const { report } of judged) reports.set(report.number, report)
    const accepted = judged.flatMap(({ accepted: candidate }) => (candidate ? [{ ...candidate, id: deps.random.uuid() }] : []))
    if (run.dryRun || accepted.length === 0) break
    const inserted = await deps.database.inTransaction(async (tx) => {
      const ids = await insertImportedUsers(tx, accepted, now)
      // One event for all of a batch; who it was, `external_id` and `created_at` of the users say.
      const event = { name: 'user_created', outcome: 'success', subject: null, reason: 'import', detail: `users=${ids.size}` } as const
      if (ids.size > 0) await recordEvent(deps, tx, { ...OPERATOR, ...event })
      return ids
    })
    waiting = accepted.filter(({ id }) => !inserted.has(id))
  }
  return rows.flatMap(({ number }) => reports.get(number) ?? [])
}

function candidateOf(number: number, user: SourceUser, peppers: Keyring): Candidate {
  const stored = user.passwordHash
  if (stored === null || (stored.length <= HASH_MAX_LENGTH && readStoredHash(stored, peppers) !== null))
    return { number, user, hashProblem: null }
  return { number, user: { ...user, passwordHash: null }, hashProblem: hashProblemOf(stored) }
}

function hashProblemOf(stored: string): string {
  const cost = /^\$2[aby]\$(\d\d)\$/.exec(stored)?.[1]
  if (cost !== undefined && Number(cost) > 14) return `without a password: bcrypt cost ${Number(cost)} is above 14`
  if (/^\$argon2.*,keyid=/.test(stored))
    return 'without a password: the version of BIENVENUE_PASSWORD_PEPPER in the stored hash is not configured'
  return 'without a password: the stored hash is none that can be checked'
}

interface Verdict {
  readonly report: RowReport
  readonly accepted: Candidate | null
}

/**
 * Judge a candidate against the rows before it and the users that are there. The rows before come first, so that a dry run, which finds none of them
 * in the database, says the same; a rejected row stands in nobody's way.
 */
function judge({ source, claims }: Run, candidate: Candidate, taken: Taken): Verdict {
  const { number, user } = candidate
  const { email, externalId } = user
  const refuse = (field: string, reason: string): Verdict => ({
    report: rejected(number, email.address, { field, reason }),
    accepted: null,
  })
  const claim = claims.find(email.canonical, externalId)
  if (claim.address !== null && claim.address !== number) return refuse('email', `the address is that of ${source.unit} ${claim.address}`)
  if (claim.externalId !== null && claim.externalId !== number)
    return refuse('external_id', `the external id is that of ${source.unit} ${claim.externalId}`)
  const holder = taken.byAddress.get(email.canonical)
  if (holder) {
    if (holder.externalId !== externalId) return refuse('email', 'the address is registered already')
    claims.insert(email.canonical, externalId, number)
    return { report: { number, email: email.address, outcome: 'already_imported', field: null, reason: null }, accepted: null }
  }
  const idTaken = externalId !== null && taken.externalIds.has(externalId)
  if (idTaken && source.whenIdTaken === 'reject') return refuse('external_id', `the external id ${externalId} belongs to another user`)
  const accepted = idTaken ? { ...candidate, user: { ...user, externalId: null } } : candidate
  claims.insert(email.canonical, accepted.user.externalId, number)
  return { report: importedReport(candidate, idTaken ? externalId : null), accepted }
}

function importedReport({ number, user, hashProblem }: Candidate, lostId: string | null): RowReport {
  const notes = [hashProblem, lostId === null ? null : `without its id: ${lostId} belongs to another user`].filter((note) => note !== null)
  return {
    number,
    email: user.email.address,
    outcome: user.passwordHash === null ? 'imported_without_password' : 'imported',
    field: hashProblem ? 'password_hash' : lostId === null ? null : 'external_id',
    reason: notes.join('; ') || null,
  }
}

function rejected(number: number, email: string, { field, reason }: Fault): RowReport {
  return { number, email, outcome: 'rejected', field, reason }
}

async function* batches<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
