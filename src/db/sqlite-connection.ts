import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

export interface StatementResult {
  readonly rows: Record<string, unknown>[]
  readonly changes: number
}

/** A connection that keeps its prepared statements; the same code on the main thread and in the writing worker. */
export interface SqliteConnection {
  readonly database: DatabaseSync
  /** Run `before` if it is given, then the statement. */
  run(sql: string, parameters: readonly unknown[], before?: string): StatementResult
  close(): void
}

/** Queries of this service number a few dozen; batch imports add a few more. */
const KEPT_STATEMENTS = 200

/**
 * Of the file, read as memory rather than by a call to the system for each page: a look-up among a million users takes two thirds of the time
 * (docs/adr/0006-cost-of-a-session-check.md). SQLite's own upper limit; what is beyond it is read as before.
 */
const MAPPED_BYTES = 0x7fff0000

/**
 * WAL with FULL: a commit that was answered survives a power cut; readers and the writer do not wait for each other.
 * `secure_delete`: what is deleted is overwritten, so no token hash lingers in free pages.
 */
export function openConnection(path: string, options: { readonly readOnly: boolean; readonly busyMilliseconds: number }): SqliteConnection {
  const database = new DatabaseSync(path, {
    readOnly: options.readOnly,
    timeout: options.busyMilliseconds,
    enableForeignKeyConstraints: true,
  })
  if (options.readOnly) database.exec(`pragma mmap_size = ${MAPPED_BYTES}`)
  else database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on')
  const kept = new Map<string, { statement: StatementSync; returnsRows: boolean }>()

  function prepare(sql: string) {
    const known = kept.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    const entry = { statement, returnsRows: statement.columns().length > 0 }
    const [oldest] = kept.keys()
    if (kept.size >= KEPT_STATEMENTS && oldest !== undefined) kept.delete(oldest)
    kept.set(sql, entry)
    return entry
  }

  return {
    database,
    run(sql, parameters, before) {
      if (before !== undefined) prepare(before).statement.run()
      // On a full disk SQLite may have rolled back by itself (sqlite.org/lang_transaction.html, "Response To Errors Within A
      // Transaction"); an error from this one would hide the cause.
      if (sql === 'rollback' && !database.isTransaction) return { rows: [], changes: 0 }
      const { statement, returnsRows } = prepare(sql)
      // Kysely hands over what the tables' types allow: text, numbers, bytes and null.
      const values = parameters as SQLInputValue[]
      if (returnsRows) return { rows: statement.all(...values), changes: 0 }
      return { rows: [], changes: Number(statement.run(...values).changes) }
    },
    close: () => database.close(),
  }
}

/**
 * SQLite's own result codes that say "not now" or "not here" rather than "wrong": locked, full, unreadable
 * (sqlite.org/rescode.html). Everything else is a bug of ours.
 */
const UNAVAILABLE = new Set([
  5, // BUSY
  6, // LOCKED
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
])

export function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && UNAVAILABLE.has(error.errcode & 0xff)
}
