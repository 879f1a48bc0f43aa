import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashSync as bcrypt } from '@node-rs/bcrypt'
import { occupyHashQueue } from '../../test/busy-hash-queue.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import { OLD_HASH_FORMATS, OLD_HASHES } from '../../test/old-hashes.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { sessionOf, startTestApp, type TestApp, type TestResponse } from '../../test/test-app.ts'
import { until } from '../../test/until.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import type { Db } from '../db/database.ts'
import { storeNewPassword } from '../passwords/password.ts'
import { disableUser } from '../users/user-admin.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'mySuperPwd'
const CURRENT_HASH = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/
const SALT = 'A'.repeat(22)
const TAG = 'A'.repeat(43)

/** Hashes in name only: what no library can check. */
const UNUSABLE_HASHES = [
  'x',
  '!',
  '$argon2id$',
  `$2b$15$${'.'.repeat(53)}`,
  '$2b$04$short',
  `$argon2id$v=19$m=0,t=0,p=0$${SALT}$${TAG}`,
  `$argon2id$v=19$m=8,t=1,p=4$${SALT}$${TAG}`,
  `$argon2id$v=99$m=64,t=1,p=1$${SALT}$${TAG}`,
  `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(21)}$${TAG}`,
  `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(21)}B$${TAG}`,
  `$argon2id$v=19$m=00064,t=1,p=1$${SALT}$${TAG}`,
  `$argon2id$v=19$m=262145,t=1,p=1$${SALT}$${TAG}`,
  `$scrypt$ln=16,r=1,p=1$${SALT}$${TAG}`,
  `scrypt:1000:8:1$salt$${'ab'.repeat(32)}`,
  'pbkdf2_sha256$0$salt$AAAA',
] as const

function logIn(app: TestApp, password: string, email = EMAIL): Promise<TestResponse> {
  return app.request('POST', '/sessions', { form: { email, password } })
}

async function storedHash(app: TestApp): Promise<string | null> {
  const row = await app.auth.deps.database.reads.selectFrom('users').select('password_hash').executeTakeFirstOrThrow()
  return row.password_hash
}

/** Everything of an answer that a client sees, but for what differs at every request. */
function visible({ status, headers, text, json }: TestResponse) {
  const kept = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  return { status, headers: kept, text: text.replace(json.request_id, '') }
}

test('an unknown address, a wrong password, a disabled account, one without a password and an unusable hash get the same answer', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  const disabled = await app.auth.registerUser('disabled@me.com', PASSWORD)
  await disableUser(app.auth.deps, disabled.id, OPERATOR)
  const passwordless = await app.auth.registerUser('passwordless@me.com', PASSWORD)
  await app.auth.deps.database.inTransaction((tx) =>
    tx.updateTable('users').set({ password_hash: null }).where('id', '=', passwordless.id).execute(),
  )
  await app.auth.addUser('unusable@me.com', 'x')
  await app.auth.addUser('old@me.com', OLD_HASHES['bcrypt $2b'](PASSWORD))
  const expected = visible(await logIn(app, PASSWORD, 'unknown@me.com'))
  assert.equal(expected.status, 401)
  for (const [email, password] of [
    [EMAIL, 'wrong'],
    [EMAIL, ''],
    [EMAIL, 'x'.repeat(2_000)],
    ['disabled@me.com', PASSWORD],
    ['disabled@me.com', 'wrong'],
    ['passwordless@me.com', PASSWORD],
    ['unusable@me.com', PASSWORD],
    ['unusable@me.com', 'x'],
    ['old@me.com', 'wrong'],
    ['no address', PASSWORD],
  ] as const) {
    assert.deepEqual(visible(await logIn(app, password, email)), expected, `${email} ${password.slice(0, 10)}`)
  }
})

test('the log knows the true reason of a refusal', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  await logIn(app, 'wrong')
  await logIn(app, 'wrong', 'unknown@me.com')
  const reasons = app.logLines.filter(({ status }) => status === 401).map(({ error, reason }) => [error, reason])
  assert.deepEqual(reasons, [
    ['login_refused', 'wrong_password'],
    ['login_refused', 'unknown_address'],
  ])
})

for (const hash of UNUSABLE_HASHES) {
  test(`a stored hash that is none lets nobody in, is no error to the client and raises one alert: ${hash.slice(0, 56)}`, async () => {
    await using app = await startTestApp()
    const { id } = await app.auth.addUser(EMAIL, hash)
    for (const password of [PASSWORD, hash]) assertRefused(await logIn(app, password), 401, 'login_refused')
    const alerts = app.logLines.filter(({ event }) => event === 'unusable_password_hash')
    assert.deepEqual(
      alerts.map(({ level, user }) => [level, user]),
      [
        ['warn', id],
        ['warn', id],
      ],
    )
    assert.equal(await storedHash(app), hash)
  })
}

for (const format of OLD_HASH_FORMATS) {
  test(`a hash from elsewhere is replaced at the first good login, not at a failed one: ${format}`, async () => {
    await using app = await startTestApp()
    const old = OLD_HASHES[format](PASSWORD)
    await app.auth.addUser(EMAIL, old)
    assertRefused(await logIn(app, 'wrong'), 401, 'login_refused')
    assert.equal(await storedHash(app), old)
    assertAnswered(await logIn(app, PASSWORD), { email: EMAIL, message: 'logged in' })
    const upgraded = await storedHash(app)
    assert.match(upgraded ?? '', CURRENT_HASH)
    for (let again = 1; again <= 2; again++) assert.equal((await logIn(app, PASSWORD)).status, 200)
    assertRefused(await logIn(app, 'wrong'), 401, 'login_refused')
    assert.equal(await storedHash(app), upgraded)
  })
}

test('validLogin upgrades an old hash too', async () => {
  await using app = await startTestApp()
  await app.auth.addUser(EMAIL, OLD_HASHES['Django PBKDF2'](PASSWORD))
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
  assert.match((await storedHash(app)) ?? '', CURRENT_HASH)
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
})

test('an upgrade ends no session, no reset token, and is no change of password', async () => {
  await using app = await startTestApp()
  await app.auth.addUser(EMAIL, OLD_HASHES['bcrypt $2b'](PASSWORD))
  const session = await app.auth.createSession(EMAIL)
  const token = await app.auth.getResetPasswordToken(EMAIL)
  const { passwordChangedAt } = await app.auth.findUserBy({ email: EMAIL })
  app.clock.advance(60)
  await app.logIn(EMAIL, PASSWORD)
  const user = await app.auth.getUserFromSessionId(session)
  assert.deepEqual(user?.passwordChangedAt, passwordChangedAt)
  await app.auth.updatePassword(token, 'new')
})

test('a higher configured cost replaces hashes at the next good login', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  {
    await using app = await startTestApp({ databaseUrl })
    await app.register(EMAIL, PASSWORD)
    assert.match((await storedHash(app)) ?? '', CURRENT_HASH)
  }
  await using app = await startTestApp({ databaseUrl, env: { BIENVENUE_ARGON2_PASSES: '3' } })
  await logIn(app, 'wrong')
  assert.match((await storedHash(app)) ?? '', CURRENT_HASH)
  assert.equal((await logIn(app, PASSWORD)).status, 200)
  assert.match((await storedHash(app)) ?? '', /^\$argon2id\$v=19\$m=19456,t=3,p=1\$/)
})

test('a bcrypt hash never matches a password longer than the 72 bytes that bcrypt reads', async () => {
  await using app = await startTestApp()
  const password = 'p'.repeat(72)
  const old = bcrypt(password, 4)
  await app.auth.addUser(EMAIL, old)
  assertRefused(await logIn(app, `${password}x`), 401, 'login_refused')
  assert.equal(await storedHash(app), old)
  assert.equal((await logIn(app, password)).status, 200)
  assert.match((await storedHash(app)) ?? '', CURRENT_HASH)
  assertRefused(await logIn(app, `${password}x`), 401, 'login_refused')
})

test('an old hash is checked against what was typed, ours against its NFC form', async () => {
  await using app = await startTestApp()
  const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301']
  await app.auth.addUser(EMAIL, bcrypt(decomposed, 4))
  assert.equal((await logIn(app, decomposed)).status, 200)
  assert.equal((await logIn(app, composed)).status, 200)
})

test('parallel logins on an old hash all succeed, and upgrade it once', async () => {
  // Not in memory: a login reads and hashes while another transaction is open.
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  await app.auth.addUser(EMAIL, OLD_HASHES['bcrypt $2b'](PASSWORD))
  // As many as may be tried at once before the first is known to be right.
  const answers = await Promise.all(Array.from({ length: 5 }, () => logIn(app, PASSWORD)))
  for (const answer of answers) {
    assertAnswered(answer, { email: EMAIL, message: 'logged in' })
    assert.equal((await app.request('GET', '/profile', { session: sessionOf(answer) ?? '' })).status, 200)
  }
  assert.match((await storedHash(app)) ?? '', CURRENT_HASH)
})

/** The answer to a login during whose check of the password something else happened: it has read the stored hash, and waits for a place to hash. */
async function logInDuring(app: TestApp, meanwhile: (tx: Db) => Promise<unknown>): Promise<TestResponse> {
  const { hashQueue, database } = app.auth.deps
  const queue = occupyHashQueue(app, 1)
  const waiting = hashQueue.waiting
  const login = logIn(app, PASSWORD)
  await until(() => hashQueue.waiting > waiting)
  await database.inTransaction(meanwhile)
  queue[Symbol.dispose]()
  return login
}

for (const format of ['our own', 'old'] as const) {
  test(`a password that was changed while a login checked it opens no session (${format} hash)`, async () => {
    // Not in memory: a login reads and hashes while another transaction is open.
    await using database = await keptDatabase()
    await using app = await startTestApp({ databaseUrl: database.url })
    const { deps, hashPassword, addUser } = app.auth
    const { id } = await addUser(EMAIL, format === 'old' ? OLD_HASHES['bcrypt $2b'](PASSWORD) : await hashPassword(PASSWORD))
    const changedHash = await hashPassword('changed')
    const answer = await logInDuring(app, (tx) => storeNewPassword(deps, tx, { userId: id, hash: changedHash, by: OPERATOR }))
    assertRefused(answer, 401, 'login_refused')
    assert.equal(await storedHash(app), changedHash)
    assert.deepEqual(await deps.database.reads.selectFrom('sessions').select('id').execute(), [])
  })
}

test('a user who was disabled while a login checked the password gets no session', async () => {
  // Not in memory: a login reads and hashes while another transaction is open.
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  await app.register(EMAIL, PASSWORD)
  const answer = await logInDuring(app, (tx) => tx.updateTable('users').set({ disabled_at: app.clock.now() }).execute())
  assertRefused(answer, 401, 'login_refused')
})

test('of logins that race with a change of password, none with the old password leaves a session behind', async () => {
  // Not in memory: a login reads and hashes while another transaction is open.
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  const { id } = await app.auth.addUser(EMAIL, OLD_HASHES['bcrypt $2b']('password 0'))
  for (let round = 0; round < 6; round++) {
    const [old, next] = [`password ${round}`, `password ${round + 1}`]
    const token = await app.auth.getResetPasswordToken(EMAIL)
    const racing = [logIn(app, old), logIn(app, old)]
    const change = app.auth.updatePassword(token, next)
    racing.push(logIn(app, old))
    await change
    for (const answer of await Promise.all(racing)) {
      assert.ok(answer.status === 200 || answer.status === 401)
      assert.equal(await app.auth.getUserFromSessionId(sessionOf(answer)), null)
    }
    assert.equal(await app.auth.validLogin(EMAIL, old), false)
    assert.equal(await app.auth.validLogin(EMAIL, next), true)
    // The next round begins with an old hash again, so that the upgrade takes part in the race.
    await app.auth.updateUser(id, { hashedPassword: OLD_HASHES['bcrypt $2b'](next) })
  }
})

test('more logins than can wait are answered 503 with Retry-After, and nothing else breaks', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  const session = await app.logIn(EMAIL, PASSWORD)
  // One account may be tried five times at once.
  const emails = ['one@me.com', 'two@me.com', 'three@me.com']
  for (const email of emails) await app.register(email, PASSWORD)
  using queue = occupyHashQueue(app, 3)
  const { hashQueue } = app.auth.deps
  const waitingBefore = hashQueue.waiting
  const answered: TestResponse[] = []
  const logins = Array.from({ length: 10 }, (_, at) => logIn(app, PASSWORD, emails[at % 3]).then((answer) => void answered.push(answer)))
  await until(() => answered.length + hashQueue.waiting - waitingBefore === 10)
  assert.equal(answered.length, 7)
  for (const answer of answered) {
    assertRefused(answer, 503, 'busy')
    assert.equal(answer.headers.get('retry-after'), '1')
  }
  assertAnswered(await app.request('GET', '/profile', { session }), { email: EMAIL })
  const registration = await app.request('POST', '/users', { form: { email: 'new@me.com', password: 'x' } })
  assertRefused(registration, 503, 'busy')
  queue[Symbol.dispose]()
  await Promise.all(logins)
  assert.deepEqual(
    answered.slice(7).map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal((await logIn(app, PASSWORD)).status, 200)
  assert.deepEqual([hashQueue.running, hashQueue.waiting], [0, 0])
  await app.register('new@me.com', 'x')
})

test('a known and an unknown address are told to come back alike', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  using _ = occupyHashQueue(app)
  const [known, unknown] = [await logIn(app, PASSWORD), await logIn(app, PASSWORD, 'unknown@me.com')]
  assert.equal(known.status, 503)
  assert.deepEqual(visible(known), visible(unknown))
})

test('a hash that fails leaves its place in the queue', async () => {
  await using app = await startTestApp()
  const { hashQueue } = app.auth.deps
  for (let job = 1; job <= 10; job++) {
    await assert.rejects(
      hashQueue.run(() => Promise.reject(new Error('broken'))),
      /broken/,
    )
  }
  assert.deepEqual([hashQueue.running, hashQueue.waiting], [0, 0])
})

test('the audit log tells a failure that closes the account from the others, and of attempts while it is closed one a minute (R226)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  for (let attempt = 1; attempt <= 8; attempt++) await logIn(app, 'wrong')
  app.clock.advance(61)
  await logIn(app, PASSWORD)
  const rows = await app.auth.deps.database.reads.selectFrom('audit_events').select(['name', 'reason']).orderBy('id').execute()
  const names = rows.map(({ name }) => name).filter((name) => name !== 'sys_startup' && name !== 'user_created')
  assert.deepEqual(names.toSorted(), [
    ...Array.from({ length: 4 }, () => 'authn_login_fail'),
    'authn_login_lock',
    'authn_login_success',
    'excess_rate_limit_exceeded',
  ])
})

test('what stands beside email and password is ignored, a token or a code too (contract)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  const form = { email: EMAIL, password: PASSWORD, token: 'x', code: 'y', remember: '1' }
  assertAnswered(await app.request('POST', '/sessions', { form }), { email: EMAIL, message: 'logged in' })
})
