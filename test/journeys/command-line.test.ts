import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { onlyOn } from '../fresh-database.ts'
import { freshPlace } from '../service-process.ts'

const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url))
const form = (fields: Record<string, string>, method = 'POST') => ({ method, body: new URLSearchParams(fields) })

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
  assert.deepEqual(shown.factors, ['password'])
  assert.match((await run('users show ann@example.com')).stdout, /^factors +password$/m)
  assert.equal(JSON.parse((await run('users list --json')).stdout).id, shown.id)
  const [session] = JSON.parse((await run('sessions list ann@example.com --json')).stdout)
  assert.equal((await run(`sessions end ann@example.com ${session.id}`)).code, 0)
  assert.equal((await fetch(`${service.url}/profile`, { headers: { cookie } })).status, 403, 'ended at the very next request')
  assert.equal((await run(`sessions end ann@example.com ${session.id}`)).code, 3)

  assert.equal((await run('users disable ann@example.com')).code, 0)
  assert.equal((await logIn('first')).status, 401)
  assert.equal((await run(`users enable ${shown.id}`)).code, 0)
  assert.equal((await logIn('first')).status, 200)

  assert.match((await run('users remove-factors ann@example.com')).stdout, /recovery codes of ann@example\.com are gone/)
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
