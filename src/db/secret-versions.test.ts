import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kysely } from 'kysely'
import { forgetEvents } from '../../test/forget-events.ts'
import { freshDatabase, keptDatabase } from '../../test/fresh-database.ts'
import { refused } from '../../test/refusals.ts'
import { hardenedEnv, startTestApp, type TestAppOptions } from '../../test/test-app.ts'
import { referencesTo } from './referenced-versions.ts'

const V1 = 'v1:0bLk4Qw8zN2cXv6TgYh1RmJdPs5FaEiUo7KqVtWyGxBzHnCe'
const V2 = 'v2:Qm8rT1yVx3ZnB6cKd9LfGh2JpWs5AoEiUu4NvMqRtYbXgCzH'
const OTHER_V1 = 'v1:Zx9Kd2Lq7Ws4Vb1Nm6Hj3Gf8Tr5Ye0UiPoAsDcXzQwErTyU'
const NAMES = { secret: 'BIENVENUE_SECRET', pepper: 'BIENVENUE_PASSWORD_PEPPER' }

async function startOnce(options: TestAppOptions): Promise<Map<string, string>> {
  await using app = await startTestApp(options)
  const rows = await app.auth.deps.database.reads.selectFrom('service_state').selectAll().execute()
  return new Map(rows.map(({ key, value }) => [key, value]))
}

test('the database remembers a fingerprint for each version, and none of the secrets', async () => {
  await using database = await keptDatabase()
  const state = await startOnce({
    databaseUrl: database.url,
    env: { BIENVENUE_SECRET: `${V2},${V1}`, BIENVENUE_PASSWORD_PEPPER: OTHER_V1 },
  })
  assert.deepEqual([...state.keys()].sort(), ['pepper:v1', 'posture', 'secret', 'secret:v1', 'secret:v2'])
  assert.equal(state.get('secret'), state.get('secret:v2'), 'nodes of an earlier version read the newest there')
  assert.equal(new Set([...state.values()]).size, 4)
  for (const value of state.values()) for (const text of [V1, V2, OTHER_V1]) assert.ok(!value.includes(text.slice(3, 15)))
})

for (const kind of ['secret', 'pepper'] as const) {
  test(`a ${kind} version that comes back as another ${kind} is refused, also after it was removed`, async () => {
    await using database = await keptDatabase()
    const start = (value: string) =>
      startOnce({
        databaseUrl: database.url,
        env: { BIENVENUE_SECRET: 'v7:7kQ2m9XvT4sLw8ZbN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCzAW', [NAMES[kind]]: value },
      })
    await start(V1)
    await start(`${V2},${V1}`)
    const message = new RegExp(`Version v1 of ${NAMES[kind]} is another secret`)
    await assert.rejects(start(`${V2},${OTHER_V1}`), message)
    await forgetEvents(database.url)
    const removed = await start(V2)
    assert.match(removed.get(`${kind}:v1`) ?? '', /^retired /)
    await assert.rejects(start(`${V2},${OTHER_V1}`), message)
    const back = await start(`${V2},${V1}`)
    assert.doesNotMatch(back.get(`${kind}:v1`) ?? '', /retired/)
  })
}

test('a node that was left behind by a rotation is refused, and told which version it lacks', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  await startOnce({ databaseUrl, env: { BIENVENUE_SECRET: V1 } })
  await startOnce({ databaseUrl, env: { BIENVENUE_SECRET: `${V2},${V1}` } })
  const behind = startOnce({ databaseUrl, env: { BIENVENUE_SECRET: V1 } })
  await assert.rejects(behind, /another BIENVENUE_SECRET, its version v2\./)
})

test('processes with two orders of the same versions start beside each other', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  await using _staged = await startTestApp({ databaseUrl, env: { BIENVENUE_SECRET: `${V1},${V2}` } })
  await using _promoted = await startTestApp({ databaseUrl, env: { BIENVENUE_SECRET: `${V2},${V1}` } })
  await using again = await startTestApp({ databaseUrl, env: { BIENVENUE_SECRET: `${V1},${V2}` } })
  assert.equal(again.auth.deps.keys.newest, 'v1')
  assert.deepEqual(again.auth.deps.keys.key('outbox', 'v2'), _promoted.auth.deps.keys.key('outbox'))
})

test('a database from before versions had names learns them at the next start', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  {
    await using app = await startTestApp({ databaseUrl, env: { BIENVENUE_SECRET: V1 } })
    await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('service_state').where('key', 'like', 'secret:%').execute())
  }
  await assert.rejects(startOnce({ databaseUrl, env: { BIENVENUE_SECRET: OTHER_V1 } }), refused('database_refused'))
  const state = await startOnce({ databaseUrl, env: { BIENVENUE_SECRET: V1 } })
  assert.equal(state.get('secret:v1'), state.get('secret'))
})

/** A table of the next test alone, which the schema's types do not know. */
const columns = ['sealed', 'version', 'hash'] as const
interface Probe {
  probe: Record<(typeof columns)[number], string | null>
}

test('a sealed text, a named version and a hash each refer to their version and to no other', async () => {
  await using database = await freshDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  const hash = (keyId: string) => `$argon2id$v=19$m=19456,t=2,p=1${keyId}$${'A'.repeat(22)}$${'A'.repeat(43)}`
  const rows = { sealed: 'v1:AAAA', version: 'v12', hash: hash(`,keyid=${Buffer.from('v3').toString('base64').replaceAll('=', '')}`) }
  const found = await app.auth.deps.database.inTransaction(async (tx) => {
    await columns.reduce((table, column) => table.addColumn(column, 'text'), tx.schema.createTable('probe')).execute()
    const others = [
      { sealed: null, version: null, hash: null },
      { sealed: 'v12', version: 'x', hash: hash('') },
    ]
    await (tx as unknown as Kysely<Probe>)
      .insertInto('probe')
      .values([...others, rows])
      .execute()
    const references = columns.map((form) => ({ kind: 'secret' as const, table: 'probe' as 'users', column: form, form }))
    const answers: Record<string, string[]> = {}
    for (const version of ['v1', 'v12', 'v3', 'v2']) answers[version] = await referencesTo(tx, { kind: 'secret', version }, references)
    await tx.schema.dropTable('probe').execute()
    return answers
  })
  assert.deepEqual(found, { v1: ['probe.sealed'], v12: ['probe.version'], v3: ['probe.hash'], v2: [] })
})

test('another secret that writes, and another posture, are events of the audit log (R226)', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  await startOnce({ databaseUrl, env: { BIENVENUE_SECRET: V1 } })
  await startOnce({ databaseUrl, env: { BIENVENUE_SECRET: `${V2},${V1}` } })
  await using app = await startTestApp({ databaseUrl, env: hardenedEnv({ BIENVENUE_SECRET: `${V2},${V1}` }) })
  const rows = await app.auth.deps.database.reads.selectFrom('audit_events').select(['name', 'detail']).orderBy('id').execute()
  assert.deepEqual(
    rows.filter(({ name }) => name !== 'sys_startup').map(({ name, detail }) => `${name} ${detail}`),
    ['key_rotated secret=v2', 'config_changed posture=hardened'],
  )
})
