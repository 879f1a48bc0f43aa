import type { Kysely } from 'kysely'
import { type LatencyHistogram, makeLatencyHistogram } from '../latency-histogram.ts'
import type { PostgresOptions } from './postgres.ts'
import { countingSessions, type SessionCounts } from './session-counts.ts'
import { openSqlite } from './sqlite.ts'
import type { Tables } from './tables.ts'

export type Engine = 'sqlite' | 'postgres'

/** What stores take: the reading side, or a transaction. */
export type Db = Kysely<Tables>

/** Where the data lives, as `DATABASE_URL` says it. */
export type DatabaseLocation =
  | { readonly engine: 'sqlite' /** `null`: in memory. */; readonly path: string | null }
  | ({ readonly engine: 'postgres' } & PostgresOptions)

/** A statement that is compiled and prepared once; see {@link Database.keep}. */
export type KeptQuery<Args, Row> = (args: Args) => Row[] | Promise<Row[]>

export interface Database {
  readonly engine: Engine
  /** Queries outside a transaction. Nothing is written through it. */
  readonly reads: Db
  /**
   * Run `work` as one transaction. It commits when `work` returns and changes nothing when it throws. No hashing, no I/O inside.
   *
   * On SQLite no other write happens meanwhile, not even another process's. On PostgreSQL others write at the same time: what a select found may have
   * changed by the next statement, so whatever must still hold at the commit is part of a statement that writes, or of a unique index. `work` runs again
   * where the server says that it lost against somebody else.
   *
   * @throws AuthError `unavailable` - locked for too long, disk full, unreadable
   */
  inTransaction<T>(work: (tx: Db) => Promise<T>): Promise<T>
  /**
   * Run one statement that writes, and is a transaction by itself: where a look and a change are one statement, `begin` and `commit` would be two messages more.
   *
   * @throws AuthError `unavailable`
   */
  writeOnce<T>(statement: (db: Db) => Promise<T>): Promise<T>
  /** The same for a migration: however long it takes, no time-out ends it. */
  inLongTransaction<T>(work: (tx: Db) => Promise<T>): Promise<T>
  /**
   * Keep a read of the hot path prepared: parsing SQL costs more than the look-up (measured, docs/adr/0005-storage.md).
   * `build` sees a placeholder where an argument will be.
   */
  keep<Args extends Record<string, unknown>, Row>(build: KeptQueryBuilder<Args, Row>): KeptQuery<Args, Row>
  /**
   * A number that is another one as soon as anybody, in this process or elsewhere, has committed a change: what was read while it had this value
   * is still true while it has it. `null`: this database cannot tell, so nothing that was read may be kept.
   */
  version(): number | null
  /**
   * Can it be written to?
   *
   * @throws AuthError `unavailable`
   */
  requireWritable(): Promise<void>
  /** Write a copy of the whole database to a new file, while others go on using this one. */
  copyTo(path: string): Promise<void>
  /** A second call waits for the first. */
  close(): Promise<void>
  /** Connections to the server at this moment, and who waits for one; `null` where there is no pool. */
  pool(): PoolState | null
  /** What this process has asked of the database so far: for the metrics. */
  readonly counts: DatabaseCounts
}

export interface PoolState {
  readonly total: number
  readonly idle: number
  readonly waiting: number
}

export interface DatabaseCounts {
  /** Statements outside a transaction. */
  readonly reads: LatencyHistogram
  /** Whole transactions, with the wait for their turn, and with what failed. */
  readonly transactions: LatencyHistogram
  /** Sessions begun and ended by transactions that were committed. */
  readonly sessions: SessionCounts
}

/** What an engine's own file opens. */
export type EngineDatabase = Omit<Database, 'counts'>

export type KeptQueryBuilder<Args, Row> = (
  db: Db,
  arg: <K extends keyof Args & string>(name: K) => Args[K],
) => { compile(): { readonly sql: string; readonly parameters: readonly unknown[] }; execute(): Promise<Row[]> }

export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  const counts = { reads: makeLatencyHistogram(), transactions: makeLatencyHistogram(), sessions: new Map() }
  const onRead = (milliseconds: number) => counts.reads.observe(milliseconds)
  // pg is loaded where it is used: it costs a SQLite service nothing.
  const database =
    location.engine === 'postgres'
      ? await (await import('./postgres.ts')).openPostgres(location, onRead)
      : await openSqlite(location.path, onRead)
  let closing: Promise<void> | null = null
  return {
    ...database,
    counts,
    async inTransaction(work) {
      const startedAt = performance.now()
      const counting = countingSessions(counts.sessions, work)
      try {
        const result = await database.inTransaction(counting.work)
        counting.commit()
        return result
      } finally {
        counts.transactions.observe(performance.now() - startedAt)
      }
    },
    async writeOnce(statement) {
      const startedAt = performance.now()
      try {
        return await database.writeOnce(statement)
      } finally {
        counts.transactions.observe(performance.now() - startedAt)
      }
    },
    keep(build) {
      const query = database.keep(build)
      return (args) => {
        const startedAt = performance.now()
        const done = () => onRead(performance.now() - startedAt)
        const rows = query(args)
        if (rows instanceof Promise) return rows.finally(done)
        done()
        return rows
      }
    },
    close() {
      closing ??= database.close()
      return closing
    },
  }
}
