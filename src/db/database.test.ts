import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { fixedClock } from '../../test/fixed-clock.ts'
import { ENGINE, ENGINE_ENV, freshDatabase, keptDatabase } from '../../test/fresh-database.ts'
import { refused } from '../../test/refusals.ts'
import { AuthError } from '../errors.ts'
import { parseDatabaseUrl } from '../setting-parsers.ts'
import { type Database, type Db, openDatabase } from './database.ts'
import { isMigrated, migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'

const clock = fixedClock()

async function open(url: string): Promise<Database & AsyncDisposable> {
  const location = parseDatabaseUrl(url)
  const database = await openDatabase(
    location.engine === 'sqlite' ? location : { ...location, poolSize: 4, prepare: ENGINE_ENV.BIENVENUE_PG_PREPARE !== 'off' },
  )
  return { ...database, [Symbol.asyncDispose]: () => database.close() }
}

function put(tx: Db, key: string, value: string) {
  return tx.insertInto('service_state').values({ key, value }).execute()
}

async function stored(db: Db): Promise<Record<string, string>> {
  const rows = await db.selectFrom('service_state').select(['key', 'value']).orderBy('key').execute()
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
}

/** Each engine's own words; the second one names the index. */
const UNIQUE = /UNIQUE|duplicate key/
const UNIQUE_ADDRESS = /(UNIQUE|duplicate key).*email_canonical/
const UNIQUE_EXTERNAL_ID = /(UNIQUE|duplicate key).*external_id/

/** Tables, columns and indexes, as the engine tells of them. */
async function schemaOf(database: Database): Promise<unknown> {
  const { rows } = await (database.engine === 'sqlite'
    ? sql`select name, sql from sqlite_master order by name`
    : sql`select table_name, column_name, data_type, is_nullable from information_schema.columns where table_schema = 'bienvenue' order by 1, 2`
  ).execute(database.reads)
  assert.ok(rows.length > 5)
  return rows
}

/** What one kind of database promises, the others do too: in memory, in a file, on a server. */
function onEveryKind(promise: string, check: (database: Database) => Promise<void>): void {
  const kinds = ENGINE === 'sqlite' ? { 'in memory': freshDatabase, 'in a file': keptDatabase } : { 'on PostgreSQL': freshDatabase }
  for (const [kind, make] of Object.entries(kinds)) {
    test(`${promise} (${kind})`, async () => {
      await using made = await make()
      await using database = await open(made.url)
      await migrate(database, clock)
      await check(database)
    })
  }
}

onEveryKind('migrating twice changes nothing', async (database) => {
  const before = await schemaOf(database)
  assert.equal(await isMigrated(database), true)
  await database.inTransaction((tx) => put(tx, 'a', '1'))
  assert.deepEqual(await migrate(database, clock), [])
  assert.deepEqual(await schemaOf(database), before)
  assert.deepEqual(await stored(database.reads), { a: '1' })
})

test('the first migrating says what it applied, and until then the database is not ready', async () => {
  await using made = await freshDatabase()
  await using database = await open(made.url)
  // On a server the database may have been another test's before.
  if (ENGINE === 'postgres') await sql`drop schema bienvenue cascade`.execute(database.reads)
  if (ENGINE === 'postgres') await sql`create schema bienvenue`.execute(database.reads)
  await assert.rejects(isMigrated(database))
  assert.deepEqual(
    await migrate(database, clock),
    migrations.map(({ name }) => name),
  )
  assert.equal(await isMigrated(database), true)
})

onEveryKind('a migration that this version does not know is left alone', async (database) => {
  await database.inTransaction((tx) => tx.insertInto('bienvenue_migrations').values({ name: '999-newer', applied_at: 1 }).execute())
  assert.deepEqual(await migrate(database, clock), [])
  assert.equal(await isMigrated(database), true)
  await database.inTransaction((tx) => tx.deleteFrom('bienvenue_migrations').where('name', '=', '999-newer').execute())
})

onEveryKind('a transaction that throws changes nothing, and the next one works', async (database) => {
  await assert.rejects(
    database.inTransaction(async (tx) => {
      await put(tx, 'a', '1')
      throw new AuthError('reset_token_invalid')
    }),
    refused('reset_token_invalid'),
  )
  await assert.rejects(
    database.inTransaction(async (tx) => {
      await put(tx, 'b', '1')
      await put(tx, 'b', '2')
    }),
    UNIQUE,
  )
  await database.inTransaction((tx) => put(tx, 'c', '1'))
  assert.deepEqual(await stored(database.reads), { c: '1' })
})

onEveryKind('what is not committed is read by nobody else', async (database) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: written, resolve: wrote } = Promise.withResolvers<void>()
  const transaction = database.inTransaction(async (tx) => {
    await put(tx, 'a', '1')
    wrote()
    await released
    throw new Error('rolled back')
  })
  await written
  const reading = stored(database.reads)
  const keptRead = Promise.resolve(database.keep((db) => db.selectFrom('service_state').selectAll())({}))
  release()
  await assert.rejects(transaction, /rolled back/)
  assert.deepEqual([await reading, await keptRead], [{}, []])
})

onEveryKind('a kept query takes its arguments anew at each call', async (database) => {
  await database.inTransaction(async (tx) => {
    for (const letter of ['a', 'b', 'c']) await put(tx, letter, letter.toUpperCase())
  })
  const find = database.keep<{ key: string; value: string }, { key: string; value: string }>((db, arg) =>
    db
      .selectFrom('service_state')
      .selectAll()
      .where('value', '!=', arg('value'))
      .where('key', '>=', arg('key'))
      .where('key', '<', 'zz')
      .orderBy('key'),
  )
  const keys = async (args: { key: string; value: string }) => (await find(args)).map(({ key }) => key)
  assert.deepEqual(await keys({ key: 'a', value: 'B' }), ['a', 'c'])
  assert.deepEqual(await keys({ key: 'b', value: 'x' }), ['b', 'c'])
  assert.deepEqual(await keys({ key: 'd', value: 'x' }), [])
  await database.inTransaction((tx) => put(tx, 'd', 'D'))
  assert.deepEqual(await keys({ key: 'd', value: 'x' }), ['d'])
  assert.deepEqual(await keys({ key: "' or 1=1 --", value: 'x' }), ['a', 'b', 'c', 'd'])
})

onEveryKind('of two users with one address or external id the unique index lets one in', async (database) => {
  const user = (email: string, externalId: string | null) => ({
    id: randomUUID(),
    external_id: externalId,
    email,
    email_canonical: email,
    email_verified_at: null,
    password_hash: null,
    password_changed_at: null,
    name: null,
    metadata: null,
    disabled_at: null,
    created_at: 0,
    updated_at: 0,
  })
  const insert = (row: ReturnType<typeof user>) => database.inTransaction((tx) => tx.insertInto('users').values(row).execute())
  await insert(user('a@me.com', '1'))
  await insert(user('b@me.com', null))
  await insert(user('c@me.com', null))
  await assert.rejects(insert(user('a@me.com', '2')), UNIQUE_ADDRESS)
  await assert.rejects(insert(user('d@me.com', '1')), UNIQUE_EXTERNAL_ID)
})

onEveryKind('foreign keys hold, and a deleted user takes sessions and tokens along', async (database) => {
  const token = { token_hash: new Uint8Array(32), user_id: 'u', created_at: 0, expires_at: 0 }
  await assert.rejects(
    database.inTransaction((tx) => tx.insertInto('reset_tokens').values(token).execute()),
    /foreign key/i,
  )
  await database.inTransaction(async (tx) => {
    await sql`insert into ${sql.table(ENGINE === 'postgres' ? 'bienvenue.users' : 'users')} (id, email, email_canonical, created_at, updated_at) values ('u', 'e', 'e', 0, 0)`.execute(
      tx,
    )
    await tx.insertInto('reset_tokens').values(token).execute()
    await tx.deleteFrom('users').execute()
  })
  assert.deepEqual(await database.reads.selectFrom('reset_tokens').selectAll().execute(), [])
})
