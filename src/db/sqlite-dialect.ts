import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { StatementResult } from './sqlite-connection.ts'

/** Runs one statement, after `before` if that is given: on this thread, or in the worker. */
export type RunStatement = (sql: string, parameters: readonly unknown[], before?: string) => StatementResult | Promise<StatementResult>

/** One user at a time, in the order of asking. */
export interface Lock {
  acquire(): Promise<void>
  release(): void
  readonly held: boolean
}

export function makeLock(): Lock {
  const waiting: (() => void)[] = []
  let held = false
  return {
    get held() {
      return held
    },
    async acquire() {
      if (held) await new Promise<void>((resolve) => waiting.push(resolve))
      held = true
    },
    release() {
      const next = waiting.shift()
      // The lock passes on without being free in between, so nobody slips in.
      if (next) next()
      else held = false
    },
  }
}

/**
 * Kysely over one SQLite connection. With a lock, whoever holds the connection holds the lock, and a transaction
 * holds it from begin to end; without one (the reading side) statements run as they come.
 */
export function sqliteDialect(run: RunStatement, lock: Lock | null): Dialect {
  // `begin` goes with the first statement: to a thread, each message costs more than most statements.
  let transaction: 'none' | 'wanted' | 'open' = 'none'
  // A commit that failed leaves the transaction open, for the rollback that follows.
  const finish = async (how: 'commit' | 'rollback') => {
    if (transaction === 'open') await run(how, [])
    transaction = 'none'
  }
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      // IMMEDIATE: a transaction that will write says so at once, and waits here rather than failing later.
      const before = transaction === 'wanted' ? 'begin immediate' : undefined
      if (before) transaction = 'open'
      const { rows, changes } = await run(query.sql, query.parameters, before)
      return { rows: rows as R[], numAffectedRows: BigInt(changes) }
    },
    // biome-ignore lint/correctness/useYield: this service streams no query through Kysely.
    async *streamQuery() {
      throw new Error('Streaming is not offered on SQLite')
    },
  }
  const driver: Driver = {
    async init() {},
    async acquireConnection() {
      await lock?.acquire()
      return connection
    },
    async releaseConnection() {
      lock?.release()
    },
    async beginTransaction() {
      transaction = 'wanted'
    },
    commitTransaction: () => finish('commit'),
    rollbackTransaction: () => finish('rollback'),
    async destroy() {},
  }
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}
