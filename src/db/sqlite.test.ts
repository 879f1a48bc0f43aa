import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { fixedClock } from '../../test/fixed-clock.ts'
import { refused } from '../../test/refusals.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../test/temporary-directory.ts'
import type { AuthError } from '../errors.ts'
import { type Database, type Db, openDatabase } from './database.ts'
import { isMigrated, migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import { makeLock } from './sqlite-dialect.ts'

const clock = fixedClock()
const WRITING_PROCESS = fileURLToPath(new URL('../../test/writing-process.ts', import.meta.url))
const CLASSIC_DATABASE = fileURLToPath(new URL('../../test/data/classic.db', import.meta.url))

/** Holds a new file as SQLite does while it turns it to WAL: nobody reads. It lets go by itself, since opening keeps the other thread busy. */
const HOLDER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(workerData)
  database.exec('begin exclusive')
  parentPort.postMessage('held')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  database.exec('rollback')
  database.close()`

// What SQLite alone promises; what both engines promise is in database.test.ts.

type TestDatabase = Database & AsyncDisposable

async function open(path: string | null): Promise<TestDatabase> {
  const database = await openDatabase({ engine: 'sqlite', path })
  return { ...database, [Symbol.asyncDispose]: () => database.close() }
}

/** For `assert.rejects`: closed again if, against the promise, it opens. */
async function tryToOpen(path: string): Promise<void> {
  await using _ = await open(path)
}

async function openMigrated(path: string | null): Promise<TestDatabase> {
  const database = await open(path)
  await migrate(database, clock)
  return database
}

function put(tx: Db, key: string, value: string) {
  return tx.insertInto('service_state').values({ key, value }).execute()
}

async function stored(db: Db): Promise<Record<string, string>> {
  const rows = await db.selectFrom('service_state').select(['key', 'value']).orderBy('key').execute()
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
}

/** Every test of both kinds of database: what one promises, the other does too. */
function onBothKinds(promise: string, check: (database: TestDatabase) => Promise<void>): void {
  test(`${promise} (in memory)`, async () => {
    await using database = await openMigrated(null)
    await check(database)
  })
  test(`${promise} (in a file)`, async () => {
    await using directory = await temporaryDirectory()
    await using database = await openMigrated(directory.file('auth.db'))
    await check(database)
  })
}

onBothKinds('transactions run one after another, never into each other', async (database) => {
  await database.inTransaction((tx) => put(tx, 'count', '0'))
  await Promise.all(
    Array.from({ length: 20 }, () =>
      database.inTransaction(async (tx) => {
        const { count } = await stored(tx)
        await tx
          .updateTable('service_state')
          .set({ value: String(Number(count) + 1) })
          .execute()
      }),
    ),
  )
  assert.deepEqual(await stored(database.reads), { count: '20' })
})

test('in memory a read outside a transaction waits until the transaction is over', async () => {
  await using database = await openMigrated(null)
  const order: string[] = []
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const transaction = database
    .inTransaction(async (tx) => {
      begin()
      await released
      await put(tx, 'a', '1')
    })
    .then(() => order.push('committed'))
  await begun
  const all = database.keep((db) => db.selectFrom('service_state').selectAll())
  const reads = [
    stored(database.reads).then((rows) => order.push(JSON.stringify(rows))),
    Promise.resolve(all({})).then((rows) => order.push(`kept ${rows.length}`)),
  ]
  release()
  await Promise.all([transaction, ...reads])
  assert.deepEqual(order.sort(), ['committed', 'kept 1', '{"a":"1"}'])
})

test('in a file a read does not wait for an open transaction', async () => {
  await using directory = await temporaryDirectory()
  await using database = await openMigrated(directory.file('auth.db'))
  await database.inTransaction(async (tx) => {
    await put(tx, 'a', '1')
    assert.deepEqual(await stored(database.reads), {})
  })
  assert.deepEqual(await stored(database.reads), { a: '1' })
})

test('a lock passes from one holder to the next in the order of asking, and is never free in between', async () => {
  const lock = makeLock()
  const order: string[] = []
  const hold = async (name: string) => {
    await lock.acquire()
    order.push(`${name} in`)
    await Promise.resolve()
    order.push(`${name} out`)
    lock.release()
  }
  await lock.acquire()
  const [first, second] = [hold('first'), hold('second')]
  lock.release()
  assert.equal(lock.held, true)
  await Promise.all([hold('third'), first, second])
  assert.deepEqual(order, ['first in', 'first out', 'second in', 'second out', 'third in', 'third out'])
  assert.equal(lock.held, false)
})

test('two openings of one new file at once both work, and one of them migrates', async () => {
  for (let round = 0; round < 5; round++) {
    await using directory = await temporaryDirectory()
    const path = directory.file('auth.db')
    const openings = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const database = await open(path)
        return { database, applied: await migrate(database, clock) }
      }),
    )
    assert.deepEqual(
      openings.flatMap(({ applied }) => applied),
      migrations.map(({ name }) => name),
    )
    await Promise.all(openings.map(({ database }, at) => database.inTransaction((tx) => put(tx, `opening ${at}`, 'x'))))
    for (const { database } of openings) {
      assert.deepEqual(Object.keys(await stored(database.reads)), ['opening 0', 'opening 1', 'opening 2'])
      await database.close()
    }
  }
})

test('a start waits for a process that holds the new file for a moment', async () => {
  await using directory = await temporaryDirectory()
  const holder = new Worker(HOLDER, { eval: true, workerData: directory.file('auth.db') })
  await once(holder, 'message')
  await using database = await openMigrated(directory.file('auth.db'))
  assert.equal(await isMigrated(database), true)
})

test('two openings write to one file at once and lose nothing', async () => {
  await using directory = await temporaryDirectory()
  await using one = await openMigrated(directory.file('auth.db'))
  await using two = await openMigrated(directory.file('auth.db'))
  const writes = Array.from({ length: 40 }, (_, at) => (at % 2 ? one : two).inTransaction((tx) => put(tx, `key ${at}`, 'x')))
  await Promise.all(writes)
  for (const database of [one, two]) assert.equal(Object.keys(await stored(database.reads)).length, 40)
})

test('two processes start on one new file at once, migrate it once, and lose no write', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('auth.db')
  const run = () => promisify(execFile)(process.execPath, [WRITING_PROCESS, path, '25'])
  await Promise.all([run(), run()])
  await using database = await open(path)
  assert.equal((await database.reads.selectFrom('users').select('id').execute()).length, 50)
  assert.equal((await database.reads.selectFrom('bienvenue_migrations').selectAll().execute()).length, migrations.length)
})

test('what one process ended, another no longer sees at its next read', async () => {
  await using directory = await temporaryDirectory()
  await using one = await openMigrated(directory.file('auth.db'))
  await using two = await openMigrated(directory.file('auth.db'))
  const all = two.keep((db) => db.selectFrom('service_state').selectAll())
  await one.inTransaction((tx) => put(tx, 'a', '1'))
  assert.equal((await all({})).length, 1)
  await one.inTransaction((tx) => tx.deleteFrom('service_state').execute())
  assert.equal((await all({})).length, 0)
})

async function contentsOf(directory: TemporaryDirectory): Promise<Record<string, string>> {
  const names = await readdir(directory.path)
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await readFile(directory.file(name))).toString('base64')])))
}

test('a file with the tables of a classic service is refused untouched, with the import command', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('classic.db')
  await copyFile(CLASSIC_DATABASE, path)
  const before = await contentsOf(directory)
  await assert.rejects(tryToOpen(path), (error: AuthError) => {
    assert.equal(error.code, 'database_refused')
    assert.ok(error.message.includes(path))
    assert.ok(error.message.includes(`bienvenue import classic ${path}`))
    return true
  })
  assert.deepEqual(await contentsOf(directory), before)
})

test("somebody else's database, and a file that is none, are refused untouched", async () => {
  await using directory = await temporaryDirectory()
  {
    using foreign = new DatabaseSync(directory.file('foreign.db'))
    foreign.exec('create table invoices (id integer)')
  }
  await writeFile(directory.file('text.db'), 'This is no database, but a text of some length. '.repeat(100))
  const before = await contentsOf(directory)
  await assert.rejects(tryToOpen(directory.file('foreign.db')), (error: AuthError) => {
    assert.equal(error.code, 'database_refused')
    assert.match(error.message, /invoices/)
    assert.doesNotMatch(error.message, /import/)
    return true
  })
  await assert.rejects(tryToOpen(directory.file('text.db')), refused('database_refused'))
  await assert.rejects(tryToOpen(directory.file('no/such/directory/auth.db')), refused('database_refused'))
  assert.deepEqual(await contentsOf(directory), before)
})

test('an empty file becomes a database', async () => {
  await using directory = await temporaryDirectory()
  await writeFile(directory.file('auth.db'), '')
  await using database = await openMigrated(directory.file('auth.db'))
  assert.equal(await isMigrated(database), true)
})

test('the database file is readable for its owner only', async () => {
  await using directory = await temporaryDirectory()
  await using database = await openMigrated(directory.file('auth.db'))
  await database.inTransaction((tx) => put(tx, 'a', '1'))
  for (const name of await readdir(directory.path)) assert.equal((await stat(directory.file(name))).mode & 0o077, 0, name)
})

test('commits survive the loss of the process: every acknowledged write is in the files', async () => {
  await using directory = await temporaryDirectory()
  await using database = await openMigrated(directory.file('auth.db'))
  await database.inTransaction((tx) => put(tx, 'a', '1'))
  const pragmas = await database.inTransaction(async (tx) => [
    (await sql<{ synchronous: number }>`pragma synchronous`.execute(tx)).rows[0]?.synchronous,
    (await sql<{ journal_mode: string }>`pragma journal_mode`.execute(tx)).rows[0]?.journal_mode,
  ])
  assert.deepEqual(pragmas, [2, 'wal'])
  // What a killed process leaves behind: the files as they are now.
  await copyFile(directory.file('auth.db'), directory.file('copy.db'))
  await copyFile(directory.file('auth.db-wal'), directory.file('copy.db-wal'))
  await using copy = await open(directory.file('copy.db'))
  assert.deepEqual(await stored(copy.reads), { a: '1' })
})

onBothKinds('a full disk is refused as unavailable, loses nothing, and passes', async (database) => {
  await database.inTransaction((tx) => put(tx, 'a', '1'))
  const limit = (pages: number) => database.inTransaction((tx) => sql.raw(`pragma max_page_count = ${pages}`).execute(tx))
  await limit(1)
  const large = 'x'.repeat(200_000)
  await assert.rejects(
    database.inTransaction((tx) => put(tx, 'large', large)),
    refused('unavailable', { retryAfterSeconds: 1 }),
  )
  assert.deepEqual(await stored(database.reads), { a: '1' })
  await limit(1_000_000)
  await database.inTransaction((tx) => put(tx, 'large', large))
  assert.deepEqual(Object.keys(await stored(database.reads)), ['a', 'large'])
})

test('a file that another program has locked is refused as unavailable, and reads go on', async () => {
  await using directory = await temporaryDirectory()
  await using database = await openMigrated(directory.file('auth.db'))
  await database.inTransaction((tx) => sql`pragma busy_timeout = 0`.execute(tx))
  {
    using other = new DatabaseSync(directory.file('auth.db'))
    other.exec('begin immediate')
    await assert.rejects(
      database.inTransaction((tx) => put(tx, 'a', '1')),
      refused('unavailable'),
    )
    assert.deepEqual(await stored(database.reads), {})
    other.exec('rollback')
  }
  await database.inTransaction((tx) => put(tx, 'a', '1'))
  assert.deepEqual(await stored(database.reads), { a: '1' })
})

onBothKinds('a copy holds what was committed, and opens as a database', async (database) => {
  await using directory = await temporaryDirectory()
  await database.inTransaction((tx) => put(tx, 'a', '1'))
  await database.copyTo(directory.file('copy.db'))
  await using copy = await open(directory.file('copy.db'))
  assert.deepEqual(await stored(copy.reads), { a: '1' })
})
