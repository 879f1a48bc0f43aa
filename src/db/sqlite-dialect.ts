import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { StatementResult } from './sqlite-connection.ts'

/** Runs one statement: on this thread, or in the worker. */
export type RunStatement = (sql: string, parameters: readonly unknown[]) => StatementResult | Promise<StatementResult>

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
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, changes } = await run(query.sql, query.parameters)
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
    // IMMEDIATE: a transaction that will write says so at once, and waits here rather than failing later.
    beginTransaction: async (c) => void (await c.executeQuery(CompiledQuery.raw('begin immediate'))),
    commitTransaction: async (c) => void (await c.executeQuery(CompiledQuery.raw('commit'))),
    rollbackTransaction: async (c) => void (await c.executeQuery(CompiledQuery.raw('rollback'))),
    async destroy() {},
  }
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}
