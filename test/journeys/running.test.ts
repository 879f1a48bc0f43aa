import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { test } from 'node:test'
import pg from 'pg'
import { ENGINE } from '../fresh-database.ts'
import { freshPlace } from '../service-process.ts'

/** What a stopped service leaves in its folder of the database. */
const DATABASE_FILES = ENGINE === 'sqlite' ? ['bienvenue.db'] : []

const form = (fields: Record<string, string>, method = 'POST') => ({ method, body: new URLSearchParams(fields) })

test('a stop lets what is in flight finish, closes the database and ends with 0', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const inFlight = Array.from({ length: 8 }, (_, n) => fetch(`${service.url}/users`, form({ email: `u${n}@example.com`, password: 'pw' })))
  // A request that the service has begun to read, and whose body comes after the signal.
  const { hostname, port } = new URL(service.url)
  const socket = createConnection({ host: hostname, port: Number(port) })
  const body = 'email=slow@example.com&password=pw'
  await new Promise<void>((resolve) =>
    socket.write(
      `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\nemail=`,
      () => resolve(),
    ),
  )
  await Promise.race(inFlight)
  const ended = service.stop('SIGTERM')
  socket.write(body.slice('email='.length))
  const answer = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())))
  assert.match(answer, /^HTTP\/1\.1 200 /)
  socket.destroy()
  for (const response of await Promise.all(inFlight)) assert.equal(response.status, 200)
  assert.equal((await ended).code, 0)
  // A closed SQLite database leaves no write-ahead log behind.
  assert.deepEqual(readdirSync(place.path).sort(), [...DATABASE_FILES, 'bienvenue.secret'])
  const users = await place.run(['users', 'list', '--json'])
  assert.equal(users.stdout.trim().split('\n').length, 9)
})

test('SIGINT stops it as SIGTERM does', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  assert.equal((await service.stop('SIGINT')).code, 0)
})

test('the log has one JSON line per request with the true reason of a refusal under its request id', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const refused = await fetch(`${service.url}/sessions`, form({ email: 'nobody@example.com', password: 'x' }))
  const { request_id: id } = (await refused.json()) as { request_id: string }
  const { stdout } = await service.stop()
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const line = lines.find((entry) => entry.request_id === id)
  assert.deepEqual(
    { event: line.event, route: line.route, status: line.status, error: line.error, reason: line.reason },
    { event: 'request', route: '/sessions', status: 401, error: 'login_refused', reason: 'unknown_address' },
  )
})

/** Every row of every table, its text and the bytes in it; nothing where there is no server. */
async function rowsOnServer(url: string | undefined): Promise<Buffer[]> {
  if (url === undefined) return []
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const tables = await client.query("select table_name as name from information_schema.tables where table_schema = 'bienvenue'")
  const rows: Buffer[] = []
  for (const { name } of tables.rows) {
    const { rows: found } = await client.query(`select * from bienvenue.${name}`)
    for (const value of found.flatMap((row) => Object.values(row))) rows.push(Buffer.isBuffer(value) ? value : Buffer.from(String(value)))
  }
  await client.end()
  return rows
}

test('no secret is in any log line or in the database: passwords, tokens, session ids, the root secret', async () => {
  await using place = await freshPlace()
  const secret = 'canary-root-secret-0123456789abcdefghijkl'
  const env = { BIENVENUE_SECRET: secret, BIENVENUE_LOG_LEVEL: 'debug' }
  await using service = await place.start(env)
  const { url } = service
  const email = 'ann@example.com'
  const canaries = [
    secret,
    'canary-password-one',
    'canary-password-two',
    'canary-password-three',
    'canary-wrong-password',
    'canary-in-query',
    'canary-in-a-path-segment',
  ]
  const [, one, two, three, wrong, query, segment] = canaries as [string, string, string, string, string, string, string]
  await fetch(`${url}/users`, form({ email, password: one }))
  await fetch(`${url}/sessions`, form({ email, password: wrong }))
  // People type their password into the address field.
  await fetch(`${url}/sessions`, form({ email: wrong, password: wrong }))
  const session = async (password: string) => {
    const [cookie = ''] = (await fetch(`${url}/sessions`, form({ email, password }))).headers.getSetCookie()
    canaries.push(String(/session_id=([^;]+)/.exec(cookie)?.[1]))
    return String(cookie.split(';')[0])
  }
  const cookie = await session(one)
  await fetch(`${url}/profile?password=${query}`, { headers: { cookie } })
  await fetch(`${url}/sessions/${segment}`, { method: 'DELETE', headers: { cookie } })
  await fetch(`${url}/reset/${segment}`, { headers: { cookie, authorization: `Bearer ${query}` } })
  const changed = await fetch(`${url}/account/password`, {
    ...form({ current_password: one, new_password: two }, 'PUT'),
    headers: { cookie },
  })
  canaries.push(String(/session_id=([^;]+)/.exec(changed.headers.getSetCookie()[0] ?? '')?.[1]))
  const { reset_token } = (await (await fetch(`${url}/reset_password`, form({ email }))).json()) as { reset_token: string }
  canaries.push(reset_token)
  await fetch(`${url}/reset_password`, {
    method: 'PUT',
    body: JSON.stringify({ email, reset_token, new_password: 7 }),
    headers: { 'content-type': 'application/json' },
  })
  await fetch(`${url}/reset_password`, form({ email, reset_token, new_password: three }, 'PUT'))
  await session(three)

  // Read the database while its write-ahead log is still there, then the log.
  const stored = [...readdirSync(place.path).map((name) => readFileSync(place.file(name))), ...(await rowsOnServer(place.env.DATABASE_URL))]
  const { stdout, stderr } = await service.stop()
  assert.equal(canaries.length, 11)
  for (const canary of canaries) {
    assert.ok(canary.length > 10 && canary !== 'undefined', canary)
    assert.equal(stdout.includes(canary) || stderr.includes(canary), false, `${canary} is in the log`)
    for (const bytes of stored) assert.equal(bytes.includes(canary), false, `${canary} is in the database`)
  }
  assert.ok(stored.some((bytes) => bytes.includes(email)))
  for (const file of DATABASE_FILES) assert.equal(statSync(place.file(file)).mode & 0o777, 0o600)
})

test('a port that is taken is said in one sentence with the way out', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const { port } = new URL(service.url)
  const second = await place.run([], { env: { PORT: port } })
  assert.equal(second.code, 2)
  assert.match(second.stderr, new RegExp(`Port ${port} is taken`))
  assert.match(second.stderr, new RegExp(`PORT=${Number(port) + 1} npm start`))
})

test('a hostile header makes one line of the log, not two', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const refused = await fetch(`${service.url}/profile`, { headers: { 'x-real-ip': '192.0.2.1"}\t{"level":"forged"' } })
  assert.equal(refused.status, 403)
  const { stdout } = await service.stop()
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(lines.filter(({ reason }) => String(reason).includes('forged')).length, 1)
  assert.equal(
    lines.some(({ level }) => level === 'forged'),
    false,
  )
})

test('a lost secret is said, and no new one is put in its place', async () => {
  await using place = await freshPlace()
  {
    await using service = await place.start()
    await service.stop()
  }
  rmSync(place.file('bienvenue.secret'))
  const started = await place.run([], { env: { PORT: '0' } })
  assert.equal(started.code, 1)
  assert.match(started.stderr, /bienvenue\.secret is missing/)
  assert.deepEqual(readdirSync(place.path), DATABASE_FILES)
})
