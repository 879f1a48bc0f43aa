import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { sql } from 'kysely'
import pg from 'pg'
import { fixedClock } from '../../test/fixed-clock.ts'
import { freshDatabase, onlyOn } from '../../test/fresh-database.ts'
import { refused } from '../../test/refusals.ts'
import { startTestApp } from '../../test/test-app.ts'
import { until } from '../../test/until.ts'
import { sweep } from '../service/sweeper.ts'
import { type Database, openDatabase } from './database.ts'
import { migrate, waitForOthers } from './migrate.ts'
import { claimDatabase } from './service-state.ts'

// What PostgreSQL alone promises; what both engines promise is in database.test.ts.
const skip = onlyOn('postgres', 'these tests need a server: npm run test:postgres')

interface Opened extends AsyncDisposable {
  readonly url: string
  open(options?: { readonly poolSize?: number; readonly prepare?: boolean }): Promise<Database>
}

/** A migrated database, and as many openings of it as a test wants; all are closed with it. */
async function server(): Promise<Opened> {
  await using scope = new AsyncDisposableStack()
  const { url } = scope.use(await freshDatabase())
  const open: Opened['open'] = async ({ poolSize = 4, prepare = true } = {}) => {
    const database = await openDatabase({ engine: 'postgres', url, poolSize, prepare })
    kept.defer(() => database.close())
    return database
  }
  const kept = scope.move()
  await migrate(await open(), fixedClock())
  return { url, open, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function settingsOf(database: Database): Promise<string[]> {
  return database.inTransaction(async (tx) => {
    const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
    const shown = []
    for (const name of names) shown.push(String(Object.values((await sql<object>`show ${sql.raw(name)}`.execute(tx)).rows[0] ?? {})[0]))
    return shown
  })
}

test('statements, locks and forgotten transactions have a time-out, with prepared statements and without', { skip }, async () => {
  await using opened = await server()
  for (const prepare of [true, false]) {
    assert.deepEqual(await settingsOf(await opened.open({ prepare })), ['5s', '3s', '10s'])
  }
})

test('a statement that is cancelled by its time-out is refused as unavailable, and the next one works', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open({ poolSize: 1 })
  const slow = database.inTransaction(async (tx) => {
    await sql`set local statement_timeout = 20`.execute(tx)
    await sql`select pg_sleep(5)`.execute(tx)
  })
  await assert.rejects(slow, refused('unavailable', { retryAfterSeconds: 1 }))
  await database.requireWritable()
})

for (const [code, name] of [
  ['40001', 'a serialization failure'],
  ['40P01', 'a deadlock'],
  ['23505', 'a unique index that somebody else met first'],
] as const) {
  test(`${name} is tried again`, { skip }, async () => {
    await using opened = await server()
    const database = await opened.open()
    let attempts = 0
    const answer = await database.inTransaction(async (tx) => {
      attempts++
      if (attempts < 3) await sql.raw(`do $$ begin raise exception 'lost' using errcode = '${code}'; end $$`).execute(tx)
      return 'won'
    })
    assert.deepEqual([answer, attempts], ['won', 3])
  })
}

test('two transactions that wait for each other both get through', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open()
  await database.inTransaction(async (tx) => {
    for (const key of ['a', 'b']) await tx.insertInto('service_state').values({ key, value: '0' }).execute()
  })
  const bothHoldOne = Promise.withResolvers<void>()
  let holding = 0
  const addOne = (first: string, second: string) =>
    database.inTransaction(async (tx) => {
      await sql`set local deadlock_timeout = '10ms'`.execute(tx)
      for (const key of [first, second]) {
        await sql`update bienvenue.service_state set value = (value::integer + 1)::text where key = ${key}`.execute(tx)
        if (++holding === 2) bothHoldOne.resolve()
        await bothHoldOne.promise
      }
    })
  await Promise.all([addOne('a', 'b'), addOne('b', 'a')])
  assert.deepEqual(await database.reads.selectFrom('service_state').selectAll().orderBy('key').execute(), [
    { key: 'a', value: '2' },
    { key: 'b', value: '2' },
  ])
})

test('two users who change to one address at once: one has it, the other is told that it is taken', { skip }, async () => {
  await using app = await startTestApp()
  const ids = await Promise.all(['ann', 'bob', 'cid', 'dora'].map(async (name) => (await app.auth.addUser(`${name}@me.com`, 'x')).id))
  const outcomes = await Promise.allSettled(ids.map((id) => app.auth.updateUser(id, { email: 'wanted@me.com' })))
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const outcome of outcomes) if (outcome.status === 'rejected') refused('email_already_registered')(outcome.reason)
})

test('a connection that the server ends within a transaction is refused as unavailable and ends nothing else', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open({ poolSize: 2 })
  const cut = database.inTransaction(async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.reads)
    await sql`select 1`.execute(tx)
  })
  await assert.rejects(cut, refused('unavailable'))
  await database.requireWritable()
})

test('what is asked often stays prepared on the server; behind a pooler nothing does', { skip }, async () => {
  await using opened = await server()
  for (const prepare of [true, false]) {
    const database = await opened.open({ poolSize: 1, prepare })
    const find = database.keep<{ key: string }, { value: string }>((db, arg) =>
      db.selectFrom('service_state').select('value').where('key', '=', arg('key')),
    )
    for (const key of ['a', 'b']) assert.deepEqual(await find({ key }), [])
    await database.reads.selectFrom('users').select('id').where('email_canonical', '=', 'x').execute()
    await database.reads.selectFrom('users').selectAll().where('email_canonical', '=', 'x').execute()
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements order by 1`.execute(database.reads)
    assert.equal(rows.length, prepare ? 2 : 0)
    for (const { statement } of rows) assert.doesNotMatch(statement, /\*/, 'a column that a newer node adds must not break it')
  }
})

/** Stands between the service and the server and counts what the service sends, by message type (PostgreSQL, "Frontend/Backend Protocol"). */
async function countingProxy(url: string): Promise<AsyncDisposable & { readonly url: string; readonly sent: Record<string, number> }> {
  const { port, hostname } = new URL(url)
  const sent: Record<string, number> = {}
  const listener = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    // The first message of a connection has no type.
    let begun = false
    let rest = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      upstream.write(chunk)
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5) {
        const head = begun ? 1 : 0
        const end = head + rest.readInt32BE(head)
        if (rest.length < end) return
        const type = String.fromCharCode(rest[0] ?? 0)
        if (begun) sent[type] = (sent[type] ?? 0) + 1
        begun = true
        rest = rest.subarray(end)
      }
    })
    upstream.pipe(client)
    client.on('close', () => upstream.destroy()).on('error', () => {})
    upstream.on('close', () => client.destroy()).on('error', () => {})
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const proxied = new URL(url)
  proxied.port = String((listener.address() as { port: number }).port)
  return { url: proxied.href, sent, [Symbol.asyncDispose]: () => new Promise((resolve) => listener.close(() => resolve())) }
}

test('a session check is one round trip and one query, and the server has nothing to parse', { skip }, async () => {
  await using database = await freshDatabase()
  await using proxy = await countingProxy(database.url)
  await using app = await startTestApp({ databaseUrl: proxy.url, env: { BIENVENUE_DATABASE_POOL: '1' } })
  await app.register('ann@me.com', 'pw')
  const session = await app.logIn('ann@me.com', 'pw')
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  for (const type of Object.keys(proxy.sent)) delete proxy.sent[type]
  for (let check = 0; check < 10; check++) assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  // Bind, Describe, Execute, Sync: no Parse, no simple Query.
  assert.deepEqual(proxy.sent, { B: 10, D: 10, E: 10, S: 10 })
})

test('several services that start at once on an empty server make one schema, and one of them migrates', { skip }, async () => {
  await using database = await freshDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('drop schema if exists bienvenue cascade')
  await client.end()
  const apps = await Promise.all(Array.from({ length: 4 }, () => startTestApp({ databaseUrl: database.url })))
  await apps[0]?.register('ann@me.com', 'pw')
  for (const app of apps) assert.equal(await app.auth.validLogin('ann@me.com', 'pw'), true)
  for (const app of apps) await app[Symbol.asyncDispose]()
})

test('a migration may take longer than any other transaction', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open()
  // The client alone gives up after six seconds; this is the one test that must wait longer than that.
  const { rows } = await database.inLongTransaction((tx) => sql<{ done: string }>`select 'done' as done from pg_sleep(6.2)`.execute(tx))
  assert.deepEqual(rows, [{ done: 'done' }])
})

test('a migration leaves no prepared statement behind for the next one on the same server connection', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open({ prepare: false })
  const kept = await database.inLongTransaction(async (tx) => {
    await tx.selectFrom('users').select('id').where('email_canonical', '=', 'x').execute()
    return (await sql`select 1 from pg_prepared_statements`.execute(tx)).rows
  })
  assert.deepEqual(kept, [])
})

test('while one node migrates the others stay ready', { skip }, async () => {
  await using app = await startTestApp()
  const { database } = app.auth.deps
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: locked, resolve: lock } = Promise.withResolvers<void>()
  const migrating = database.inLongTransaction(async (tx) => {
    await waitForOthers(database, tx)
    lock()
    await released
  })
  await locked
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.request('GET', '/readyz')))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  release()
  await migrating
})

test('of two nodes with different secrets that claim a new database at once, one is refused', { skip }, async () => {
  for (let round = 0; round < 5; round++) {
    await using opened = await server()
    const claims = await Promise.allSettled(
      ['one', 'two'].map(async (fingerprint) =>
        claimDatabase(await opened.open(), { posture: 'classic', versions: { secret: [{ version: 'v1', fingerprint }], pepper: [] } }),
      ),
    )
    assert.deepEqual(claims.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  }
})

test('a race that is lost at every attempt is refused as unavailable', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open()
  const losing = database.inTransaction((tx) => sql.raw("do $$ begin raise exception 'lost' using errcode = '40001'; end $$").execute(tx))
  await assert.rejects(losing, refused('unavailable'))
})

test('what the server says of a row that it refuses is in no log', { skip }, async () => {
  await using opened = await server()
  const database = await opened.open()
  const broken = database.inTransaction((tx) =>
    sql`insert into bienvenue.users (id, email, password_hash, created_at, updated_at) values ('u', 'e', 'canary-hash', 0, 0)`.execute(tx),
  )
  await assert.rejects(broken, (error: Error) => {
    assert.match(error.message, /not-null/)
    assert.doesNotMatch(inspect(error), /canary/)
    return true
  })
})

test('the sweepers leave what was used or renewed while they waited for it', { skip }, async () => {
  await using app = await startTestApp()
  await app.register('ann@me.com', 'pw')
  const session = await app.logIn('ann@me.com', 'pw')
  await app.auth.getResetPasswordToken('ann@me.com')
  app.clock.advance(8 * 86_400)
  const now = app.clock.now()
  const { database } = app.auth.deps
  const { promise: renewed, resolve: renew } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const renewing = database.inTransaction(async (tx) => {
    await tx.updateTable('sessions').set({ last_seen_at: now }).execute()
    await tx
      .updateTable('reset_tokens')
      .set({ expires_at: now + 1_000 })
      .execute()
    renew()
    await released
  })
  await renewed
  const sweeping = sweep(app.auth.deps)
  const waits = sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'delete%' and datname = current_database()`
  await until(async () => (await waits.execute(database.reads)).rows.length > 0)
  release()
  await renewing
  await sweeping
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  assert.equal((await database.reads.selectFrom('reset_tokens').select('user_id').execute()).length, 1)
})

test('a server that cannot be reached is said in a sentence, without the password', { skip }, async () => {
  const url = 'postgres://ann:canary-password@127.0.0.1:1/auth'
  await assert.rejects(openDatabase({ engine: 'postgres', url, poolSize: 1, prepare: true }), (error: Error) => {
    refused('database_refused')(error)
    assert.match(error.message, /PostgreSQL server named by DATABASE_URL cannot be used/)
    assert.doesNotMatch(error.message, /canary/)
    return true
  })
})
