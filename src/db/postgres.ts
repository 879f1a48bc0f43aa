import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { AuthError } from '../errors.ts'
import type { Database, Db, KeptQueryBuilder } from './database.ts'
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
const SCHEMA = 'bienvenue'

/** A new connection, a statement, a wait for a lock: each ends below the client's own patience. */
const CONNECT_MILLISECONDS = 3_000
const STATEMENT_MILLISECONDS = 5_000
const LOCK_MILLISECONDS = 3_000
const IDLE_IN_TRANSACTION_MILLISECONDS = 10_000

/** Transactions that lost against another one are tried again, so often, after a random part of so long. */
const MAX_ATTEMPTS = 5
const RETRY_MILLISECONDS = 20

/** PostgreSQL 14 and newer, and what speaks its protocol (docs/adr/0005-storage.md). */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    // Client-side, in case the server does not answer at all.
    query_timeout: STATEMENT_MILLISECONDS + 1_000,
    application_name: 'bienvenue',
    types: { getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) },
    ...(options.prepare && {
      statement_timeout: STATEMENT_MILLISECONDS,
      lock_timeout: LOCK_MILLISECONDS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLISECONDS,
    }),
  })
  // A connection that dies while nobody uses it; the next user gets another.
  pool.on('error', () => {})
  const db: Db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: translating(pool) }) }).withSchema(SCHEMA)
  await createSchema(pool)
  return {
    engine: 'postgres',
    reads: db,
    inTransaction: (work) => withRetries(() => db.transaction().execute(work)),
    keep: (build) => keep(pool, db, build, options.prepare),
    version: () => null,
    // A server that has become a read-only replica says so.
    requireWritable: async () =>
      void (await db
        .transaction()
        .execute((tx) => tx.updateTable('bienvenue_migrations').set({ applied_at: 0 }).where('name', '=', 'lock').execute())),
    async copyTo() {
      throw new AuthError('file_refused', { sentence: 'A PostgreSQL database is copied with its own tools: pg_dump (docs/operations.md).' })
    },
    close: () => pool.end(),
  }
}

async function createSchema(pool: pg.Pool): Promise<void> {
  try {
    await withRetries(() => pool.query(`create schema if not exists ${SCHEMA}`))
  } catch (error) {
    await pool.end()
    // The address may hold a password, so it is not repeated.
    throw new AuthError(
      'database_refused',
      { sentence: `The PostgreSQL server named by DATABASE_URL cannot be used: ${(error as Error).message}` },
      { cause: error },
    )
  }
}

/** The pool as Kysely uses it, with the errors that mean "not now" made into our refusal. */
function translating(pool: pg.Pool): PostgresPool {
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
          return await client.query(sql, [...parameters])
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
const UNAVAILABLE = /^(08|53|57|58|55P03|25006)/
/** Node's names for a server that is not there. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOENT'])

function translated(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // pg's own words for a timeout and a lost connection have no code.
  const lost = code === '' && /timeout|terminated|ended|not queryable/i.test(error.message)
  return UNAVAILABLE.test(code) || UNREACHABLE.has(code) || lost ? databaseUnavailable(error) : error
}

/** Serialization failure and deadlock; and what two processes meet that create the same schema or table at once. */
const RETRIED = new Set(['40001', '40P01', '42P06', '42P07'])

function isRetried(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  return RETRIED.has(error.code ?? '') || (error.code === '23505' && error.constraint?.startsWith('pg_') === true)
}

async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !isRetried(error)) throw error
      await delay(Math.random() * RETRY_MILLISECONDS * 2 ** attempt)
    }
  }
}

/** One round trip: a named statement that the server has parsed before. */
function keep<Args extends Record<string, unknown>, Row>(pool: pg.Pool, db: Db, build: KeptQueryBuilder<Args, Row>, prepare: boolean) {
  const { sql: text, valuesOf } = placeholders<Args, Row>(db, build)
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return async (args: Args): Promise<Row[]> => {
    try {
      const { rows } = await pool.query({ text, values: valuesOf(args), ...(prepare && { name }) })
      return rows
    } catch (error) {
      throw translated(error)
    }
  }
}
