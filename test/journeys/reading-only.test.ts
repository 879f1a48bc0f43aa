import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import pg from 'pg'
import { ENGINE } from '../fresh-database.ts'
import { type FreshPlace, freshPlace } from '../service-process.ts'
import { TEST_SECRET } from '../test-app.ts'

// Commands that only read, and every dry run, change nothing.

const USERS = '{"email":"ann@example.com"}\n'
const ann = { method: 'POST', body: new URLSearchParams({ email: 'ann@example.com', password: 'secret of ann' }) }

const hardened = (secret: string) => ({ BIENVENUE_POSTURE: 'hardened', BIENVENUE_SECRET: secret })

/** Run SQL beside the program; the first column of what it finds. */
async function sql(place: FreshPlace, statement: string): Promise<unknown[]> {
  if (ENGINE === 'sqlite') {
    using database = new DatabaseSync(place.file('bienvenue.db'))
    return database.prepare(statement).all().map(firstOf)
  }
  const client = new pg.Client({ connectionString: place.env.DATABASE_URL })
  await client.connect()
  try {
    return (await client.query(statement.replace(' from ', ' from bienvenue.'))).rows.map(firstOf)
  } finally {
    await client.end()
  }
}

const firstOf = (row: object): unknown => Object.values(row)[0]

async function emptyPlace(): Promise<FreshPlace> {
  const place = await freshPlace()
  if (ENGINE === 'postgres') {
    const client = new pg.Client({ connectionString: place.env.DATABASE_URL })
    await client.connect()
    await client.query('drop schema if exists bienvenue cascade')
    await client.end()
  }
  return place
}

test('a dry run on an empty database says what would be, and leaves it empty, without a secret file', async () => {
  await using place = await emptyPlace()
  if (ENGINE === 'sqlite') writeFileSync(place.file('bienvenue.db'), '')
  const before = readdirSync(place.path)
  const dry = await place.run(['import', 'users', '-', '--dry-run'], { input: USERS })
  assert.match(dry.stdout, /1 lines: 1 would be imported/)
  const list = await place.run(['users', 'list'])
  assert.equal(list.code, 1)
  assert.match(list.stderr, /is not migrated to this version, .*Run "bienvenue migrate" first\.$/m)
  assert.deepEqual(readdirSync(place.path), before)
  if (ENGINE === 'sqlite') assert.equal(readFileSync(place.file('bienvenue.db')).length, 0)
  else await assert.rejects(sql(place, 'select * from bienvenue_migrations'), { code: '42P01' })
})

test('a migrated database that nobody has used is read without a secret, and an older one is not migrated', async () => {
  await using place = await emptyPlace()
  await place.run(['migrate'])
  const before = readdirSync(place.path)
  assert.equal((await place.run(['users', 'list'])).code, 0)
  assert.deepEqual([readdirSync(place.path), await sql(place, 'select * from service_state')], [before, []])
  await sql(place, "delete from bienvenue_migrations where name <> 'lock' returning name")
  const dry = await place.run(['import', 'users', '-', '--dry-run'], { input: USERS })
  assert.match(dry.stderr, /is not migrated to this version/)
  assert.deepEqual(await sql(place, "select name from bienvenue_migrations where name <> 'lock'"), [])
})

test('hardened may read a classic database, and neither claims it nor ends a session before somebody says yes', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  await fetch(`${service.url}/users`, ann)
  const login = await fetch(`${service.url}/sessions`, ann)
  const cookie = String(login.headers.getSetCookie()[0]?.split(';')[0])
  const env = hardened(readFileSync(place.file('bienvenue.secret'), 'utf8').trim())

  const reading = ['users list', 'users show ann@example.com', 'sessions list ann@example.com', 'export users']
  if (ENGINE === 'sqlite') reading.push('backup copy.db')
  reading.push('import users - --dry-run')
  const codes = await Promise.all(reading.map(async (args) => [args, (await place.run(args.split(' '), { env, input: USERS })).code]))
  assert.deepEqual(
    codes,
    reading.map((args) => [args, 0]),
  )
  const unasked = await place.run(['restored'], { env })
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /This ends 1 session, .*1 device.* Say --yes/)

  assert.deepEqual(await sql(place, "select value from service_state where key = 'posture'"), ['classic'])
  assert.equal((await fetch(`${service.url}/profile`, { headers: { cookie } })).status, 200)
})

test('who only reads is refused as who writes is: another secret, classic on a hardened database', async () => {
  await using place = await freshPlace()
  const env = hardened(TEST_SECRET)
  assert.equal((await place.run(['users', 'add', 'ann@example.com'], { env })).code, 0)
  const other = hardened('v2:Qm8rT1yVx3ZnB6cKd9LfGh2JpWs5AoEiUu4NvMqRtYbXgCzH')
  const [withOther, asClassic] = await Promise.all([
    place.run(['export', 'users'], { env: other }),
    place.run(['import', 'users', '-', '--dry-run'], { env: { BIENVENUE_SECRET: TEST_SECRET }, input: USERS }),
  ])
  assert.match(withOther.stderr, /This database was used with another BIENVENUE_SECRET/)
  assert.match(asClassic.stderr, /This database belongs to a hardened service/)
  assert.deepEqual([withOther.code, asClassic.code], [1, 1])
})
