import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { onlyOn } from '../fresh-database.ts'
import { freshPlace } from '../service-process.ts'

const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url))
const form = (fields: Record<string, string>, method = 'POST') => ({ method, body: new URLSearchParams(fields) })

test('every command has help, and wrong usage ends with 2 and a hint', async () => {
  await using place = await freshPlace()
  const helps = [
    '--help',
    'users --help',
    'users list --help',
    'sessions end --help',
    'import classic --help',
    'import users --help',
    'export users --help',
    'backup --help',
    'move --help',
    'restored --help',
    'config --help',
  ]
  for (const result of await Promise.all(helps.map((args) => place.run(args.split(' '))))) {
    assert.equal(result.code, 0)
    assert.match(result.stdout, /Usage: bienvenue/)
  }
  const unknown = await place.run(['user'])
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /did you mean users\?/)
  assert.equal((await place.run(['users', 'show'])).code, 2)
})

test('wrong settings are reported all at once, and nothing is created', async () => {
  await using place = await freshPlace()
  const result = await place.run([], { env: { PORT: 'x', BIENVENUE_SESION_IDLE: '3d', HOST: '0.0.0.0' } })
  assert.equal(result.code, 2)
  assert.match(result.stderr, /PORT is not a whole number/)
  assert.match(result.stderr, /did you mean BIENVENUE_SESSION_IDLE\?/)
  assert.match(result.stderr, /HOST 0\.0\.0\.0 is not a loopback address/)
  assert.equal(existsSync(place.file('bienvenue.db')), false)
})

test('`config` shows what is in force and never a secret', async () => {
  await using place = await freshPlace()
  const secret = 'canary-0123456789-abcdefghijklmnopqrstuvwxyz'
  const result = await place.run(['config', '--json'], { env: { BIENVENUE_SECRET: secret, BIENVENUE_SESSION_IDLE: '12h' } })
  assert.equal(result.code, 0)
  const settings = JSON.parse(result.stdout)
  assert.deepEqual(settings.BIENVENUE_SESSION_IDLE, { value: '12h', from: 'environment' })
  assert.deepEqual(settings.BIENVENUE_SECRET, { value: '[secret]', from: 'environment' })
  assert.equal(result.stdout.includes('canary'), false)
})

test('a reader that has seen enough ends a command quietly', { skip: process.platform === 'win32' && 'there is no sh' }, async () => {
  await using place = await freshPlace()
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  // `true` reads nothing and is gone long before the command writes.
  const shell = spawn('sh', ['-c', '{ "$0" "$1" config; echo "code $?" >&2; } | true', process.execPath, main], { cwd: place.path })
  let stderr = ''
  shell.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  await once(shell, 'close')
  assert.equal(stderr, 'code 0\n')
})

test('users can be added, shown, listed, disabled, enabled, reset and deleted while the service runs', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const run = (args: string, input?: string) => place.run(args.split(' '), input === undefined ? {} : { input })
  const logIn = (password: string) => fetch(`${service.url}/sessions`, form({ email: 'ann@example.com', password }))

  assert.equal((await run('users add ann@example.com --password-stdin', 'first\n')).code, 0)
  const taken = await run('users add ANN@example.com')
  assert.equal(taken.code, 1)
  assert.match(taken.stderr, /User ANN@example.com already exists/)
  const login = await logIn('first')
  assert.equal(login.status, 200)
  const cookie = String(login.headers.getSetCookie()[0]?.split(';')[0])

  const shown = JSON.parse((await run('users show ann@example.com --json')).stdout)
  assert.equal(shown.live_sessions, 1)
  assert.equal(JSON.parse((await run('users list --json')).stdout).id, shown.id)
  const [session] = JSON.parse((await run('sessions list ann@example.com --json')).stdout)
  assert.equal((await run(`sessions end ann@example.com ${session.id}`)).code, 0)
  assert.equal((await fetch(`${service.url}/profile`, { headers: { cookie } })).status, 403, 'ended at the very next request')
  assert.equal((await run(`sessions end ann@example.com ${session.id}`)).code, 3)

  assert.equal((await run('users disable ann@example.com')).code, 0)
  assert.equal((await logIn('first')).status, 401)
  assert.equal((await run(`users enable ${shown.id}`)).code, 0)
  assert.equal((await logIn('first')).status, 200)

  const { reset_token } = JSON.parse((await run('users reset-password ann@example.com --json')).stdout)
  const reset = await fetch(`${service.url}/reset_password`, form({ email: 'ann@example.com', reset_token, new_password: 'second' }, 'PUT'))
  assert.equal(reset.status, 200)
  assert.equal((await logIn('second')).status, 200)

  const unasked = await run('users delete ann@example.com')
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /--yes/)
  assert.equal((await run('users delete ann@example.com --yes')).code, 0)
  assert.equal((await logIn('second')).status, 401)
  assert.equal((await run('users show ann@example.com')).code, 3)
})

const backupsAreFiles = onlyOn('sqlite', 'a PostgreSQL database is copied with its own tools')

test('a backup of a database in use has the users and neither sessions nor tokens, and starts as a service', {
  skip: backupsAreFiles,
}, async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const user = { email: 'ann@example.com', password: 'secret of ann' }
  await fetch(`${service.url}/users`, form(user))
  const login = await fetch(`${service.url}/sessions`, form(user))
  const { reset_token } = (await (await fetch(`${service.url}/reset_password`, form({ email: user.email }))).json()) as {
    reset_token: string
  }

  assert.equal((await place.run(['backup', 'copy.db'])).code, 0)
  assert.equal(statSync(place.file('copy.db')).mode & 0o777, 0o600)
  using copy = new DatabaseSync(place.file('copy.db'), { readOnly: true })
  const count = (table: string) => copy.prepare(`select count(*) as n from ${table}`).get()?.n
  assert.deepEqual([count('users'), count('sessions'), count('reset_tokens')], [1, 0, 0])
  assert.equal((await place.run(['backup', 'copy.db'])).code, 1, 'never overwrites')

  const cookie = String(login.headers.getSetCookie()[0]?.split(';')[0])
  await using restored = await place.start({ DATABASE_URL: 'file:copy.db' })
  assert.equal((await fetch(`${restored.url}/profile`, { headers: { cookie } })).status, 403)
  assert.equal(
    (await fetch(`${restored.url}/reset_password`, form({ email: user.email, reset_token, new_password: 'x' }, 'PUT'))).status,
    403,
  )
  assert.equal((await fetch(`${restored.url}/sessions`, form(user))).status, 200)
})

test('the classic database of the reference is imported, and its users log in with their old passwords', async () => {
  await using place = await freshPlace()
  await using service = await place.start()
  const imported = await place.run(['import', 'classic', data('classic.db'), '--report', 'report.jsonl'])
  assert.equal(imported.code, 0)
  assert.match(imported.stdout, /2 rows: 2 imported \(0 without a password\), 0 there already, 0 rejected/)
  for (const [email, password] of [
    ['bob@bob.com', 'mySuperPwd'],
    ['amy@me.com', 'pw'],
  ] as const) {
    assert.equal((await fetch(`${service.url}/sessions`, form({ email, password: 'wrong' }))).status, 401)
    assert.equal((await fetch(`${service.url}/sessions`, form({ email, password }))).status, 200)
  }
  // The open session and the pending token of the old service are worth nothing here.
  const old = { headers: { cookie: 'session_id=98d0860a-5f6f-44ee-bdff-6b6c53067590' } }
  assert.equal((await fetch(`${service.url}/profile`, old)).status, 403)
  const token = { email: 'bob@bob.com', reset_token: 'defbcf30-567b-432a-a7ac-fcfcdba51649', new_password: 'x' }
  assert.equal((await fetch(`${service.url}/reset_password`, form(token, 'PUT'))).status, 403)
})

test('what is found in the wild is imported by the rules, every exception is named, and twice is the same as once', async () => {
  await using place = await freshPlace()
  const run = (...args: string[]) => place.run(['import', 'classic', data('classic-nasty.db'), '--json', ...args])
  const dry = JSON.parse((await run('--dry-run')).stdout)
  const first = JSON.parse((await run('--report', 'report.jsonl')).stdout)
  const second = JSON.parse((await run()).stdout)

  assert.deepEqual({ ...dry, dry_run: false }, first, 'the dry run says what will happen')
  const { named, ...summary } = first
  assert.deepEqual(summary, { dry_run: false, rows: 18, imported: 9, imported_without_password: 3, already_imported: 0, rejected: 6 })
  assert.deepEqual(Object.fromEntries(named.map(({ id, reason }: { id: number; reason: string }) => [id, reason])), {
    3: 'without a password: the stored hash is none that can be checked',
    4: 'without a password: the stored hash is none that can be checked',
    8: 'the address is that of row 7',
    10: 'the address is that of row 9',
    11: 'the address is empty',
    12: 'not an email address',
    15: 'not an email address',
    20: 'not an email address',
    21: 'without a password: bcrypt cost 31 is above 14',
  })
  assert.equal(readFileSync(place.file('report.jsonl'), 'utf8').trim().split('\n').length, 18)
  assert.deepEqual([second.imported, second.already_imported, second.rejected], [0, 12, 6])
  const zoe = JSON.parse((await place.run(['users', 'show', 'zoe@example.com', '--json'])).stdout)
  assert.equal(zoe.external_id, '400', "the application's foreign keys go on working")
})

test('a file that is no classic database is refused with 1, and ours is not mistaken for one', async () => {
  await using place = await freshPlace()
  writeFileSync(place.file('text.db'), 'this is no database, but it is long enough to look like one, perhaps')
  for (const [file, pattern] of [
    ['missing.db', /no file missing\.db/],
    ['text.db', /cannot be read as a SQLite database/],
  ] as const) {
    const result = await place.run(['import', 'classic', file])
    assert.equal(result.code, 1)
    assert.match(result.stderr, pattern)
  }
  // Started on the reference's own file, the service leaves it alone and names the command.
  writeFileSync(place.file('classic.db'), readFileSync(data('classic.db')))
  const started = await place.run([], { env: { DATABASE_URL: 'file:classic.db', PORT: '0' } })
  assert.equal(started.code, 1)
  assert.match(started.stderr, /bienvenue import classic classic\.db/)
  assert.deepEqual(readFileSync(place.file('classic.db')), readFileSync(data('classic.db')))
})

const filesAreMade = onlyOn('sqlite', 'a PostgreSQL database is never made by this service')

test('what only reads never makes a database: a misspelt path is said, and a dry run leaves nothing behind', {
  skip: filesAreMade,
}, async () => {
  await using place = await freshPlace()
  for (const args of [
    ['users', 'list'],
    ['backup', 'copy.db'],
    ['sessions', 'end', 'ann@example.com'],
  ]) {
    const result = await place.run(args, { env: { DATABASE_URL: 'file:misspelt.db' } })
    assert.equal(result.code, 1, args.join(' '))
    assert.match(result.stderr, /There is no database misspelt\.db/)
  }
  const dry = await place.run(['import', 'classic', data('classic.db'), '--dry-run'])
  assert.match(dry.stdout, /2 rows: 2 would be imported/)
  assert.deepEqual(readdirSync(place.path), [])
  await place.run(['migrate'])
  const nowhere = await place.run(['backup', 'no-such-folder/copy.db'])
  assert.deepEqual([nowhere.code, nowhere.stderr.trim()], [1, 'The folder no-such-folder does not exist.'])
})
