import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely'
import { ENGINE, keptDatabase } from '../../test/fresh-database.ts'
import { assertAnswered } from '../../test/refusals.ts'
import { startTestApp } from '../../test/test-app.ts'
import type { Engine } from './database.ts'
import type { Migration } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import type { Tables } from './tables.ts'

/**
 * The rule of docs/adr/0005-storage.md, statement by statement: a migration makes tables and indexes, and adds columns that an older node need not fill.
 * A unique index on a table that was there before would refuse what an older node writes.
 *
 * @returns the statements that break it
 */
function notAdditive(statements: readonly string[]): string[] {
  const made = new Set<string>()
  return statements.filter((statement) => {
    const table = /^create table "(\w+)"/.exec(statement)?.[1]
    if (table !== undefined) made.add(table)
    const [, unique, indexed = ''] = /^create (unique )?index "\w+" on "(\w+)"/.exec(statement) ?? []
    const column = /^alter table "\w+" add column (.*)$/.exec(statement)?.[1]
    if (indexed !== '') return unique !== undefined && !made.has(indexed)
    if (column !== undefined) return column.includes('not null') && !column.includes('default')
    return table === undefined
  })
}

/** What a migration would do, as SQL; nothing is done. */
async function statementsOf(migration: Migration, engine: Engine): Promise<string[]> {
  const statements: string[] = []
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (of) => new SqliteIntrospector(of),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
    log: ({ query }) => void statements.push(query.sql),
  })
  await migration.up(db, engine)
  return statements
}

test('every migration only adds', async () => {
  for (const migration of migrations) {
    for (const engine of ['sqlite', 'postgres'] as const) {
      const statements = await statementsOf(migration, engine)
      assert.ok(statements.length > 0, migration.name)
      assert.deepEqual(notAdditive(statements), [], migration.name)
    }
  }
})

test('the rule sees what does more than add', () => {
  const bad = [
    'drop table "users"',
    'alter table "users" drop column "name"',
    'alter table "users" rename column "name" to "title"',
    'alter table "users" add column "age" integer not null',
    'create unique index "one_name" on "users" ("name")',
    'update "users" set "name" = null',
  ]
  assert.deepEqual(notAdditive(bad), bad)
  const good = [
    'create table "mails" ("id" text primary key not null)',
    'create unique index "mails_id" on "mails" ("id")',
    'create index "users_name" on "users" ("name")',
    'alter table "users" add column "age" integer',
    'alter table "users" add column "age" integer default 0 not null',
  ]
  assert.deepEqual(notAdditive(good), [])
})

/** All that the rule allows, done to every table there is. */
function laterMigration(prefix: string): string[] {
  const tables = ['users', 'sessions', 'reset_tokens', 'mails', 'mail_requests', 'service_state', 'bienvenue_migrations']
  return [
    ...tables.map((table) => `alter table ${prefix}${table} add column later integer`),
    ...tables.map((table) => `alter table ${prefix}${table} add column later_filled integer not null default 7`),
    `create index users_later on ${prefix}users (later)`,
    `create table ${prefix}later (id text primary key)`,
    `insert into ${prefix}bienvenue_migrations (name, applied_at) values ('999-later', 1)`,
  ]
}

test('an older node works on while a newer one has migrated, and can start anew', async () => {
  await using made = await keptDatabase()
  await using older = await startTestApp({ databaseUrl: made.url })
  /** Every kind of statement there is, before the migration, so that connections keep them prepared, and after it. */
  async function useAll(email: string): Promise<void> {
    await older.register(email, 'first')
    const session = await older.logIn(email, 'first')
    const other = await older.logIn(email, 'first')
    assertAnswered(await older.request('GET', '/profile', { session }), { email })
    assert.equal((await older.request('PATCH', '/account', { session, json: { name: 'Ann' } })).status, 200)
    assert.equal((await older.request('GET', '/sessions', { session })).json.sessions.length, 2)
    const form = { current_password: 'first', new_password: 'second' }
    assert.equal((await older.request('PUT', '/account/password', { session, form })).status, 200)
    assert.equal((await older.request('GET', '/profile', { session: other })).status, 403)
    const reset_token = await older.auth.getResetPasswordToken(email)
    const reset = { email, reset_token, new_password: 'third' }
    assertAnswered(await older.request('PUT', '/reset_password', { form: reset }), { email, message: 'Password updated' })
    assert.equal(await older.auth.validLogin(email, 'third'), true)
    older.clock.advance(120)
    assert.equal((await older.request('GET', '/readyz')).status, 200)
  }
  await useAll('before@me.com')
  const session = await older.logIn('before@me.com', 'third')
  await older.auth.deps.database.inTransaction(async (tx) => {
    for (const statement of laterMigration(ENGINE === 'postgres' ? 'bienvenue.' : '')) await sql.raw(statement).execute(tx)
  })
  assertAnswered(await older.request('GET', '/profile', { session }), { email: 'before@me.com' })
  for (const name of ['after', 'again']) await useAll(`${name}@me.com`)
  {
    await using restarted = await startTestApp({ databaseUrl: made.url, clock: older.clock })
    assertAnswered(await restarted.request('GET', '/profile', { session }), { email: 'before@me.com' })
  }
  // No other test begins with what this one did to the tables.
  if (ENGINE === 'postgres') await sql`drop schema bienvenue cascade`.execute(older.auth.deps.database.reads)
})
