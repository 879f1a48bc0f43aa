import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { AuthError } from '../errors.ts'
import { type Access, byTable, ConstraintBroken, type MoveEnd } from './move-end.ts'
import type { Row } from './row-checksum.ts'
import { openConnection } from './sqlite-connection.ts'

/** How long to wait for a service that writes to the file. */
const BUSY_MILLISECONDS = 10_000
const CACHE_KIB = 65_536
/** Of 4 KiB, before they go from the log to the file. */
const LOG_PAGES = 16_384
/** sqlite.org/rescode.html */
const SQLITE_CONSTRAINT = 19

export function openSqliteEnd(path: string, access: Access): MoveEnd {
  if (!existsSync(path)) throw new AuthError('file_refused', { sentence: `There is no database file ${path}.` })
  try {
    return endOf(path, access)
  } catch (error) {
    throw new AuthError(
      'database_refused',
      { sentence: `The file ${path} cannot be read as a SQLite database: ${(error as Error).message}` },
      { cause: error },
    )
  }
}

function endOf(path: string, access: Access): MoveEnd {
  const database = access === 'write' ? writable(path) : readOnly(path)
  const kept = new Map<string, StatementSync>()

  function prepare(sql: string): StatementSync {
    const known = kept.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    kept.set(sql, statement)
    return statement
  }
  // Rows are arrays, and integers are exact, as the statements were told.
  const query = (sql: string, values: Row = []) => translated(() => prepare(sql).all(...values) as unknown as Row[])

  if (access === 'snapshot') {
    database.exec('begin')
    // The snapshot is that of the first read.
    query('select count(*) from sqlite_master')
  }
  const { dev, ino } = statSync(path)
  return {
    identity: `sqlite:${dev}:${ino}`,
    isWritable: isWritable(path),
    nameOf: (table) => table,
    schema: async () => byTable(query(SCHEMA)),
    query: async (sql, values) => query(sql, values),
    async insert(table, columns, rows) {
      const statement = prepare(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
      translated(() => {
        for (const row of rows) statement.run(...row)
      })
    },
    async transaction(work, options = { flushed: false }) {
      database.exec(`pragma synchronous = ${options.flushed ? 'full' : 'normal'}; begin immediate`)
      try {
        await work()
        database.exec('commit')
      } catch (error) {
        if (database.isTransaction) database.exec('rollback')
        throw error
      }
    },
    [Symbol.asyncDispose]: async () => database.close(),
  }
}

const SCHEMA = `
  select tables.name, columns.name, columns.type
  from sqlite_master as tables join pragma_table_info(tables.name) as columns
  where tables.type = 'table' and tables.name not like 'sqlite~_%' escape '~'`

/** Rows come in the order of one index and so at random in the others: with more pages at hand each is written less often. */
function writable(path: string): DatabaseSync {
  const { database } = openConnection(path, { readOnly: false, busyMilliseconds: BUSY_MILLISECONDS })
  database.exec(`pragma cache_size = ${-CACHE_KIB}; pragma wal_autocheckpoint = ${LOG_PAGES}`)
  return database
}

/**
 * A file that no process has open is read as immutable: a read-only connection would otherwise put a log and an index beside it and leave them there
 * (sqlite.org/uri.html, "immutable"). A service that starts on it meanwhile is found out by the checksums.
 */
function readOnly(path: string): DatabaseSync {
  const inUse = ['-wal', '-shm', '-journal'].some((suffix) => existsSync(`${path}${suffix}`))
  const url = pathToFileURL(path)
  if (!inUse) url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true, timeout: BUSY_MILLISECONDS })
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    // The one thing that was asked.
    return false
  }
}

function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null
    if (code === null) throw error
    const { message } = error as Error
    if (code === SQLITE_CONSTRAINT) throw new ConstraintBroken(message, { cause: error })
    throw new AuthError('unavailable', { sentence: `SQLite: ${message}` }, { cause: error })
  }
}
