import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { openSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readStoredHash } from '../../src/crypto/password-hash.ts'
import { writeBackup } from '../../src/db/backup.ts'
import { openDatabase } from '../../src/db/database.ts'
import { jsonText } from '../../src/json-text.ts'
import { runCommand, startService, temporaryFolder } from '../service-process.ts'
import { startTestApp } from '../test-app.ts'

// What a hostile reading of the first version found; each stays here.

test('a client that asks on and on and reads nothing loses its connection', async () => {
  await using app = await startTestApp()
  const { hostname, port } = new URL(app.url)
  const socket = createConnection({ host: hostname, port: Number(port) })
  // It never reads, so only a reset can tell it.
  socket.pause()
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()).on('error', () => {}))
  socket.write('GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_600))
  // Whoever writes to a closed connection is told so; bounded, so that a broken promise fails.
  for (let turns = 0; turns < 200_000 && !socket.destroyed; turns++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (turns % 1_000 === 999) socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  }
  assert.equal(socket.destroyed, true)
  await closed
  assert.equal((await app.request('GET', '/healthz')).status, 200)
})

test('a log that cannot be written stops nobody', { skip: process.platform !== 'linux' && '/dev/full is of Linux' }, async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path)
  await service.stop()
  const port = new URL(service.url).port
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../src/main.ts', import.meta.url))], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, PORT: port },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const answers: number[] = []
  for (let tries = 0; answers.length < 50 && tries < 5_000; tries++) {
    const answer = await fetch(`http://localhost:${port}/healthz`, { headers: { 'x-real-ip': `x${'a'.repeat(8_000)}` } }).catch(() => null)
    if (answer) answers.push(answer.status)
  }
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
  assert.deepEqual(answers, Array(50).fill(403))
})

test('a reason in the log is as long as it is useful, and no more', async () => {
  await using app = await startTestApp()
  await app.request('GET', '/healthz', { headers: { 'x-real-ip': 'y'.repeat(9_000) } })
  assert.ok(String(app.logLines.at(-1)?.reason).length <= 200)
})

test('an answer is never given to the wrong request of a connection', async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path)
  const { port } = new URL(service.url)
  const socket = createConnection({ host: '127.0.0.1', port: Number(port) })
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const body = 'email=ann@example.com&password=pw'
  const head = `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(`${head}${body}\0bad\r\n\r\n`)
  await closed
  assert.equal(received.includes(' 400 '), false, 'the registration is not answered by the refusal of what came behind it')
})

test('a backup is its owner’s alone from its first moment, and never in the place of another file', async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path)
  await service.stop()
  const database = await openDatabase({ engine: 'sqlite', path: folder.file('bienvenue.db') })
  const { copyTo } = database
  const modes: number[] = []
  await writeBackup(
    {
      ...database,
      async copyTo(path) {
        modes.push(statSync(path).mode & 0o777)
        await copyTo(path)
        modes.push(statSync(path).mode & 0o777)
      },
    },
    folder.file('copy.db'),
  )
  assert.deepEqual(modes, [0o600, 0o600])
  writeFileSync(folder.file('other.db.unfinished'), 'not ours')
  await assert.rejects(writeBackup(database, folder.file('other.db')), { code: 'EEXIST' })
  await database.close()
})

test('a stored hash that would hold a core for seconds is no hash (R024)', () => {
  const hash = (cost: string) => `scrypt:${cost}$salt$${'ab'.repeat(32)}`
  assert.equal(readStoredHash(hash('131072:16:16')), null)
  assert.notEqual(readStoredHash(hash('32768:8:1')), null)
  assert.notEqual(readStoredHash(hash('131072:16:2')), null)
})

test('a request that names a proxy is refused in the classic posture', async () => {
  await using app = await startTestApp()
  assert.equal((await app.request('GET', '/', { headers: { via: '1.1 proxy' } })).json.error, 'loopback_only')
})

test('no JSON of ours holds a character that a terminal obeys', () => {
  const text = jsonText({ agent: '\x9b31m\x7f\u2028\u2029é' })
  assert.equal(text, '{"agent":"\\u009b31m\\u007f\\u2028\\u2029é"}')
  assert.deepEqual(JSON.parse(text), { agent: '\x9b31m\x7f\u2028\u2029é' })
})

test('a hostile database is refused, not read for ever', async () => {
  using folder = temporaryFolder()
  const views = new DatabaseSync(folder.file('view.db'))
  views.exec(
    'create view users as with recursive n(id) as (select 1 union all select id + 1 from n) select id, id as email, id as hashed_password from n',
  )
  views.close()
  const texts = new DatabaseSync(folder.file('text.db'))
  texts.exec("create table users (id text, email text, hashed_password text); insert into users values ('one', 'a@b.c', 'x')")
  texts.close()
  for (const [file, pattern] of [
    ['view.db', /has no table "users"/],
    ['text.db', /ids that are not whole numbers/],
  ] as const) {
    const result = await runCommand(folder.path, ['import', 'classic', file])
    assert.equal(result.code, 1, file)
    assert.match(result.stderr, pattern)
  }
})

test('metadata that stringifies itself as something else is no object, and names cannot turn the direction of text', async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.addUser('ann@example.com', 'hash')
  await assert.rejects(app.auth.updateUser(id, { metadata: { toJSON: () => 'x' } }), { code: 'field_invalid' })
  await assert.rejects(app.auth.updateUser(id, { name: 'a\u202eb' }), { code: 'field_invalid' })
  await app.auth.updateUser(id, { name: 'Zoé 👩‍🚀' })
})
