import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { pepperParameter } from '../crypto/password-hash.ts'
import type { Database, Db } from './database.ts'
import type { Tables } from './tables.ts'

/** What has versions: the root secret, and the pepper of password hashes. */
export type SecretKind = 'secret' | 'pepper'

export interface Reference {
  readonly kind: SecretKind
  readonly table: keyof Tables
  readonly column: string
  /** How a row says which version: `sealed` begins with it (`v1:…`), `version` is it, `hash` is a PHC string that names it. */
  readonly form: keyof typeof CONDITIONS
}

/** Every column of the database that can hold what only one version of a secret opens. Whoever adds a sealed or keyed column adds it here. */
const REFERENCES: readonly Reference[] = [
  { kind: 'pepper', table: 'users', column: 'password_hash', form: 'hash' },
  { kind: 'secret', table: 'mails', column: 'body', form: 'sealed' },
  { kind: 'secret', table: 'mail_requests', column: 'subject', form: 'sealed' },
  { kind: 'secret', table: 'totp_secrets', column: 'key_version', form: 'version' },
  { kind: 'secret', table: 'totp_enrolments', column: 'secret', form: 'sealed' },
  { kind: 'secret', table: 'login_codes', column: 'key_version', form: 'version' },
  { kind: 'secret', table: 'audit_events', column: 'key_version', form: 'version' },
]

/** Statements of both engines. A `version` column has an index where its table grows without end; sealed texts are in tables that are swept. */
const CONDITIONS = {
  sealed: (column: string, version: string) =>
    sql<SqlBool>`substr(${sql.ref(column)}, 1, ${sql.lit(version.length + 1)}) = ${`${version}:`}`,
  version: (column: string, version: string) => sql<SqlBool>`${sql.ref(column)} = ${version}`,
  hash: (column: string, version: string) => sql<SqlBool>`${sql.ref(column)} like ${`$argon2%${pepperParameter(version)}$%`}`,
} satisfies Record<string, (column: string, version: string) => RawBuilder<SqlBool>>

export interface VersionName {
  readonly kind: SecretKind
  readonly version: string
}

function rowsThatRefer(db: Db, { table, column, form }: Reference, version: string) {
  return db.selectFrom(db.dynamic.table(table).as('referring')).where(CONDITIONS[form](column, version))
}

function nameOf({ table, column }: Reference): string {
  return `${table}.${column}`
}

/** Where data refers to a version, as `table.column`; empty where nothing does. It stops at the first row that does, and reads all of a column where none does. */
export async function referencesTo(db: Db, { kind, version }: VersionName, references = REFERENCES): Promise<string[]> {
  const found: string[] = []
  for (const reference of references.filter((one) => one.kind === kind)) {
    const rows = await rowsThatRefer(db, reference, version).select(sql.lit(1).as('found')).limit(1).execute()
    if (rows.length > 0) found.push(nameOf(reference))
  }
  return found
}

/** How many rows of each column refer to a version; reads all of them, however long it takes. */
export async function countReferences(
  database: Database,
  { kind, version }: VersionName,
): Promise<{ readonly where: string; readonly rows: number }[]> {
  return unhurried(database, async (db) => {
    const counts = []
    for (const reference of REFERENCES.filter((one) => one.kind === kind)) {
      const row = await rowsThatRefer(db, reference, version)
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow()
      counts.push({ where: nameOf(reference), rows: Number(row.count) })
    }
    return counts.filter(({ rows }) => rows > 0)
  })
}

/** On PostgreSQL no time-out ends it and nobody waits for it; on SQLite it only reads, and holds up no writer. */
function unhurried<T>(database: Database, look: (db: Db) => Promise<T>): Promise<T> {
  return database.engine === 'postgres' ? database.inLongTransaction(look) : look(database.reads)
}

/** Where data refers to each of these versions, however long it takes: of ten million hashes each may have to be read. */
export async function referencedVersions(
  database: Database,
  versions: readonly VersionName[],
): Promise<(VersionName & { readonly where: readonly string[] })[]> {
  if (versions.length === 0) return []
  return unhurried(database, async (db) => {
    const found = []
    for (const name of versions) found.push({ ...name, where: await referencesTo(db, name) })
    return found
  })
}
