import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { AuthError } from '../errors.ts'
import type { Db, EngineDatabase, KeptQueryBuilder } from './database.ts'
import { databaseUnavailable } from './database-unavailable.ts'
import { placeholders } from './kept-query.ts'
import type { Tables } from './tables.ts'

export interface PostgresOptions {
  readonly url: string
  /** Connections of this process. */
  readonly poolSize: number
  /** Named prepared statements and timeouts as connection settings; off behind a pooler that keeps neither. */
  readonly prepare: boolean
}

/** Our tables' own schema, named in every statement, so that no connection needs a search path. */
export const POSTGRES_SCHEMA = 'bienvenue'

/** A new connection, a statement, a wait for a lock: each ends below the client's own patience. */
const CONNECT_MILLISECONDS = 3_000
const STATEMENT_MILLISECONDS = 5_000
const LOCK_MILLISECONDS = 3_000
const IDLE_IN_TRANSACTION_MILLISECONDS = 10_000

/** Transactions that lost against another one are tried again, so often, after a random part of so long. */
const MAX_ATTEMPTS = 5
const RETRY_MILLISECONDS = 20

/** PostgreSQL 14 and newer, and what speaks its protocol (docs/adr/0005-storage.md). */
export async function openPostgres(options: PostgresOptions, onRead: (milliseconds: number) => void): Promise<EngineDatabase> {
  const pool = openPool(options, {
    max: options.poolSize,
    // Client-side, in case the server does not answer at all.
    query_timeout: STATEMENT_MILLISECONDS + 1_000,
    ...(options.prepare && {
      statement_timeout: STATEMENT_MILLISECONDS,
      lock_timeout: LOCK_MILLISECONDS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
    }),
  })
  const manner = { named: options.prepare, begin: options.prepare ? 'begin' : BEGIN_WITH_TIMEOUTS }
  const db = kyselyOn(pool, manner)
  const reads = kyselyOn(pool, manner, onRead)
  await createSchema(pool)
  return {
    engine: 'postgres',
    reads,
    inTransaction: (work) => withRetries(() => db.transaction().execute(work)),
    writeOnce: (statement) => withRetries(() => statement(db)),
    async inLongTransaction(work) {
      const alone = openPool(options, { max: 1 })
      try {
        return await withRetries(() => kyselyOn(alone, LONG).transaction().execute(work))
      } finally {
        await alone.end()
      }
    },
    keep: (build) => keep(pool, db, build, options.prepare),
    version: () => null,
    // A server that has become a read-only replica refuses it, also where there is no such row; so nobody waits for anybody.
    requireWritable: async () =>
      void (await db
        .transaction()
        .execute((tx) => tx.updateTable('bienvenue_migrations').set({ applied_at: 0 }).where('name', '=', '').execute())),
    async copyTo() {
      throw new AuthError('file_refused', { sentence: 'A PostgreSQL database is copied with its own tools: pg_dump (docs/operations.md).' })
    },
    close: () => pool.end(),
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
}

function openPool({ url }: PostgresOptions, settings: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    application_name: 'bienvenue',
    types: { getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) },
    ...settings,
  })
  // A connection that dies while nobody uses it; the next user gets another.
  pool.on('error', () => {})
  return pool
}

function kyselyOn(pool: pg.Pool, manner: Manner, onRead?: (milliseconds: number) => void): Db {
  const dialect = new PostgresDialect({ pool: translating(pool, manner) })
  return new Kysely<Tables>({ dialect, ...(onRead && { log: ({ queryDurationMillis }) => onRead(queryDurationMillis) }) }).withSchema(
    POSTGRES_SCHEMA,
  )
}

async function createSchema(pool: pg.Pool): Promise<void> {
  try {
    // Looked for first: a role that may not make schemas can use one that is there.
    const { rowCount } = await pool.query(`select 1 from pg_namespace where nspname = '${POSTGRES_SCHEMA}'`)
    if (rowCount === 0) await withRetries(() => pool.query(`create schema if not exists ${POSTGRES_SCHEMA}`))
  } catch (error) {
    await pool.end()
    // The address may hold a password, so it is not repeated.
    const { message } = error as Error
    const hint = message.includes('startup parameter') ? '. Behind a pooler such as PgBouncer, set BIENVENUE_PG_PREPARE=off' : ''
    throw new AuthError(
      'database_refused',
      { sentence: `The PostgreSQL server named by DATABASE_URL cannot be used: ${message}${hint}` },
      { cause: error },
    )
  }
}

/** Behind a pooler a connection's settings are somebody else's the next moment; those of a transaction are its own. One message, as `begin` alone. */
const BEGIN_WITH_TIMEOUTS = [
  'begin',
  `set local statement_timeout = ${STATEMENT_MILLISECONDS}`,
  `set local lock_timeout = ${LOCK_MILLISECONDS}`,
  `set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MILLISECONDS}`,
].join('; ')

/** How statements are sent: under names that the server keeps, and what begins a transaction. */
interface Manner {
  readonly named: boolean
  readonly begin: string
}

/** No time-out; and no names, which a pooler would keep for the next who migrates. */
const LONG: Manner = { named: false, begin: 'begin' }

/** The pool as Kysely uses it: statements are prepared, and the errors that mean "not now" are made into our refusal. */
function translating(pool: pg.Pool, { named, begin }: Manner): PostgresPool {
  const nameOf = named ? makeStatementNames() : () => null
  return {
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw translated(error)
      })
      let lost: AuthError | null = null
      // While the pool has handed it out, nobody else listens: a connection that dies between two statements would end the process.
      const onError = (error: Error) => {
        lost ??= databaseUnavailable(error)
      }
      client.on('error', onError)
      const query = async (sql: string, parameters: readonly unknown[]) => {
        // A rollback would wait behind the statement that timed out, for as long again; the server rolls back when the connection closes.
        if (lost) throw lost
        try {
          if (sql === 'begin') return await client.query(begin)
          const name = parameters.length === 0 ? null : nameOf(sql)
          return await client.query({ text: sql, values: [...parameters], ...(name !== null && { name }) })
        } catch (error) {
          const refusal = translated(error)
          if (refusal instanceof AuthError) lost = refusal
          throw refusal
        }
      }
      return {
        // Kysely's type has cursors too, which this service does not use, and names five commands where pg's says any text.
        query: query as unknown as PostgresPoolClient['query'],
        // A connection on which something timed out may still be busy with it: nobody gets it again.
        release() {
          client.off('error', onError)
          client.release(lost !== null)
        },
      }
    },
    end: () => pool.end(),
  }
}

/**
 * Classes and codes that say the server cannot serve now rather than that we are wrong (PostgreSQL, appendix A): connection exceptions, too many
 * connections, out of memory or disk, cancelled by a timeout, shutting down, a lock not to be had, read-only after a fail-over.
 */
const UNAVAILABLE = /^(08|53|57|58|55P03|25006|25P03)/
/** Node's names for a server that is not there, cannot be found, or cannot be reached from here. */
const UNREACHABLE = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'EMFILE'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
])

function translated(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // pg's own words for a timeout and a lost connection have no code.
  const lost = code === '' && /timeout|terminated|ended|not queryable/i.test(error.message)
  if (UNAVAILABLE.test(code) || UNREACHABLE.has(code) || lost) return databaseUnavailable(error)
  return error instanceof pg.DatabaseError ? withoutRow(error) : error
}

/** The server tells the whole row that it refuses, with its password hash; nobody is to read that in a log (CHECKLIST R228). */
function withoutRow(error: pg.DatabaseError): pg.DatabaseError {
  for (const field of ['detail', 'where', 'internalQuery'] as const) error[field] = undefined
  return error
}

/**
 * Serialization failure and deadlock; a unique index that let somebody else be first: tried again, the rule finds who it was and says so; and what two
 * processes meet that create the same schema or table at once.
 */
const RETRIED = new Set(['40001', '40P01', '23505', '42P06', '42P07'])

function isRetried(error: unknown): boolean {
  return error instanceof pg.DatabaseError && RETRIED.has(error.code ?? '')
}

async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isRetried(error)) throw error
      // A race that is lost again and again is over some time; a unique index that is met again and again is a bug of ours.
      if (attempt >= MAX_ATTEMPTS) throw (error as pg.DatabaseError).code?.startsWith('40') ? databaseUnavailable(error as Error) : error
      await delay(Math.random() * RETRY_MILLISECONDS * 2 ** attempt)
    }
  }
}

/** The service's own statements number a few dozen; batch imports add some more, which are not worth a place on the server. */
const NAMED_STATEMENTS = 100

/**
 * Names under which the server keeps parsed statements. None for `*`: a newer node may add a column while this one runs, and the server refuses a kept
 * statement whose columns have changed.
 */
function makeStatementNames(): (sql: string) => string | null {
  const names = new Map<string, string>()
  return (sql) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size >= NAMED_STATEMENTS || /\b(select|returning) \*/.test(sql)) return null
    const name = statementName(sql)
    names.set(sql, name)
    return name
  }
}

function statementName(sql: string): string {
  return createHash('sha256').update(sql).digest('hex').slice(0, 16)
}

/** One round trip: a named statement that the server has parsed before. */
function keep<Args extends Record<string, unknown>, Row>(pool: pg.Pool, db: Db, build: KeptQueryBuilder<Args, Row>, prepare: boolean) {
  const { sql: text, valuesOf } = placeholders<Args, Row>(db, build)
  const name = statementName(text)
  return async (args: Args): Promise<Row[]> => {
    try {
      const { rows } = await pool.query({ text, values: valuesOf(args), ...(prepare && { name }) })
      return rows
    } catch (error) {
      throw translated(error)
    }
  }
}
