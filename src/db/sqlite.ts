import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { Kysely } from 'kysely'
import { AuthError } from '../errors.ts'
import type { Db, EngineDatabase, KeptQueryBuilder } from './database.ts'
import { databaseUnavailable } from './database-unavailable.ts'
import { placeholders } from './kept-query.ts'
import { isUnavailable, openConnection, type SqliteConnection, type StatementResult } from './sqlite-connection.ts'
import { type Lock, makeLock, type RunStatement, sqliteDialect } from './sqlite-dialect.ts'
import type { WorkerAnswer } from './sqlite-worker.ts'
import type { Tables } from './tables.ts'

/** How long a write waits for another process's transaction before it is refused with 503. Below the request deadline of 30 s. */
const WRITE_BUSY_MILLISECONDS = 5_000
/** Reads never wait in WAL mode, but for the instant in which another process recovers or closes the file. They would hold up every request. */
const READ_BUSY_MILLISECONDS = 50

/** Open a SQLite file, or a database in memory (`path` null) that lives as long as this process. */
export async function openSqlite(path: string | null, onRead: OnRead): Promise<EngineDatabase> {
  if (path === null) return openInMemory(onRead)
  refuseForeignFile(path)
  // CHECKLIST R238: the file holds password hashes, and is nobody else's from its first moment.
  makePrivate(path)
  const worker = await startWriter(path)
  const reader = openConnection(path, { readOnly: true, busyMilliseconds: READ_BUSY_MILLISECONDS })
  const reads = kysely((sql, parameters) => runHere(reader.run, sql, parameters), null, onRead)
  const writes = kysely(worker.run, makeLock())
  return {
    engine: 'sqlite',
    reads,
    inTransaction: (work) => writes.transaction().execute(work),
    inLongTransaction: (work) => writes.transaction().execute(work),
    writeOnce: (statement) => statement(writes),
    keep: (build) => keep(reads, build, (sql, parameters) => runHere(reader.run, sql, parameters)),
    // Of the reading connection, which never writes: every commit there is, is somebody else's (sqlite.org/pragma.html#pragma_data_version).
    version: () => Number(runHere(reader.run, 'pragma data_version', []).rows[0]?.data_version),
    // The thread that writes answers: it is alive, and has the file.
    requireWritable: async () => void (await worker.run('select 1', [])),
    copyTo: async (target) => void runHere(reader.run, 'vacuum into ?', [target]),
    async close() {
      reader.close()
      await worker.close()
    },
    pool: () => null,
  }
}

function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
  } catch (error) {
    throw new AuthError(
      'database_refused',
      { sentence: `The database file ${path} cannot be opened: ${(error as Error).message}` },
      { cause: error },
    )
  }
}

/** One connection for everything: whoever reads outside a transaction waits until no transaction is open. */
function openInMemory(onRead: OnRead): EngineDatabase {
  const connection = openConnection(':memory:', { readOnly: false, busyMilliseconds: 0 })
  const lock = makeLock()
  const run: RunStatement = (sql, parameters, before) => runHere(connection.run, sql, parameters, before)
  const db = kysely(run, lock)
  return {
    engine: 'sqlite',
    reads: kysely(run, lock, onRead),
    inTransaction: (work) => db.transaction().execute(work),
    inLongTransaction: (work) => db.transaction().execute(work),
    writeOnce: (statement) => statement(db),
    keep: (build) => keep(db, build, (sql, parameters) => (lock.held ? afterLock(lock, () => run(sql, parameters)) : run(sql, parameters))),
    // The one connection does not see its own commits in data_version.
    version: () => null,
    requireWritable: async () => {},
    copyTo: async (target) => void run('vacuum into ?', [target]),
    close: async () => connection.close(),
    pool: () => null,
  }
}

type OnRead = (milliseconds: number) => void

function kysely(run: RunStatement, lock: Lock | null, onRead?: OnRead): Db {
  return new Kysely<Tables>({
    dialect: sqliteDialect(run, lock),
    ...(onRead && { log: ({ queryDurationMillis }) => onRead(queryDurationMillis) }),
  })
}

async function afterLock<T>(lock: Lock, work: () => T): Promise<Awaited<T>> {
  await lock.acquire()
  try {
    return await work()
  } finally {
    lock.release()
  }
}

function runHere(run: SqliteConnection['run'], sql: string, parameters: readonly unknown[], before?: string): StatementResult {
  try {
    return run(sql, parameters, before)
  } catch (error) {
    throw isUnavailable(error) ? databaseUnavailable(error as Error) : error
  }
}

/** Compiled once; prepared by the connection at its first use, and kept there. */
function keep<Args extends Record<string, unknown>, Row>(db: Db, build: KeptQueryBuilder<Args, Row>, run: RunStatement) {
  const { sql, valuesOf } = placeholders<Args, Row>(db, build)
  return (args: Args): Row[] | Promise<Row[]> => {
    const result = run(sql, valuesOf(args))
    return result instanceof Promise ? result.then(({ rows }) => rows as Row[]) : (result.rows as Row[])
  }
}

/** Start the writing thread and wait until it has the file open. */
async function startWriter(path: string) {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./sqlite-worker.${extension}`, import.meta.url), {
    workerData: { path, busyMilliseconds: WRITE_BUSY_MILLISECONDS },
    // It holds a few prepared statements and the message at hand.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 128 },
  })
  const waiting: { resolve(result: StatementResult): void; reject(error: Error): void }[] = []
  let failure: Error | null = null
  worker.on('message', (answer: WorkerAnswer) => {
    const asked = waiting.shift()
    if (!asked) return
    if (!('error' in answer)) asked.resolve(answer)
    else asked.reject(answer.unavailable ? databaseUnavailable(new Error(answer.error)) : new Error(answer.error))
  })
  const stopped = (error: Error) => {
    failure = error
    for (const asked of waiting.splice(0)) asked.reject(databaseUnavailable(error))
  }
  worker.on('error', stopped)
  worker.on('exit', () => stopped(new Error('The writing thread has ended')))

  const run: RunStatement = (sql, parameters, before) =>
    new Promise((resolve, reject) => {
      if (failure) return reject(databaseUnavailable(failure))
      // First, so that nobody waits for an answer to what could not be sent.
      worker.postMessage({ sql, parameters, before })
      waiting.push({ resolve, reject })
    })
  try {
    await run('select 1', [])
  } catch (error) {
    throw new AuthError(
      'database_refused',
      { sentence: `The database file ${path} cannot be opened: ${(failure ?? (error as Error)).message}` },
      { cause: error },
    )
  }
  return {
    run,
    close: () =>
      new Promise<void>((resolve) => {
        if (failure) return resolve()
        worker.once('exit', () => resolve())
        worker.postMessage('close')
      }),
  }
}

/** A file with tables that are not ours is somebody's data: it is refused untouched, with the command that takes it in. */
function refuseForeignFile(path: string): void {
  if (!existsSync(path)) return
  let tables: string[]
  try {
    // Another process that starts on the same file may hold it for a moment.
    using file = new DatabaseSync(path, { readOnly: true, timeout: WRITE_BUSY_MILLISECONDS })
    tables = file
      .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
      .all()
      .map((row) => String(row.name))
  } catch (error) {
    throw new AuthError('database_refused', { sentence: `The file ${path} is not a SQLite database that can be read.` }, { cause: error })
  }
  if (tables.length === 0 || tables.includes('bienvenue_migrations')) return
  throw new AuthError('database_refused', {
    sentence:
      `The file ${path} holds tables that are not Bienvenue's (${tables.slice(0, 5).join(', ')}). It was not touched. ` +
      (tables.includes('users')
        ? `To take its users over, choose another DATABASE_URL and run: bienvenue import classic ${path}`
        : 'Choose another DATABASE_URL.'),
  })
}
