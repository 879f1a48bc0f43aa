import assert from 'node:assert/strict'
import { test } from 'node:test'
import { occupyHashQueue } from '../../test/busy-hash-queue.ts'
import { assertAnswered, assertRefused, refused } from '../../test/refusals.ts'
import { cookieOf } from '../../test/set-cookie.ts'
import { sessionOf, startTestApp, type TestApp } from '../../test/test-app.ts'
import { until } from '../../test/until.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'mySuperPwd'

async function appWithSession() {
  const app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  return { app, session: await app.logIn(EMAIL, PASSWORD) }
}

function change(app: TestApp, session: string, fields: Record<string, unknown>) {
  return app.request('PUT', '/account/password', { session, json: fields })
}

async function isAlive(app: TestApp, session: string): Promise<boolean> {
  return (await app.request('GET', '/profile', { session })).status === 200
}

test('changing the password takes the current one, ends the other sessions and renews this one', async () => {
  const { app, session: mine } = await appWithSession()
  await using _ = app
  await app.register('amy@me.com', 'pwd')
  const [other, amys] = [await app.logIn(EMAIL, PASSWORD), await app.logIn('amy@me.com', 'pwd')]
  const before = await app.request('GET', '/sessions/current', { session: mine })
  app.clock.advance(60)
  const answer = await change(app, mine, { current_password: PASSWORD, new_password: 'next' })
  assertAnswered(answer, { message: 'Password updated' })
  const { value: renewed, attributes } = cookieOf(answer)
  assert.deepEqual(attributes, { Path: '/', HttpOnly: true, SameSite: 'Lax', 'Max-Age': '2592000' })
  assert.notEqual(renewed, mine)
  assert.deepEqual(
    [await isAlive(app, mine), await isAlive(app, other), await isAlive(app, renewed), await isAlive(app, amys)],
    [false, false, true, true],
  )
  const after = await app.request('GET', '/sessions/current', { session: renewed })
  assert.equal(after.json.session.id, before.json.session.id)
  assert.equal(after.json.session.created_at, '2026-01-01T00:00:00.000Z')
  assert.equal(after.json.session.authenticated_at, '2026-01-01T00:01:00.000Z')
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), false)
  assert.equal(await app.auth.validLogin(EMAIL, 'next'), true)
  assert.deepEqual((await app.auth.findUserBy({ email: EMAIL })).passwordChangedAt, new Date('2026-01-01T00:01:00Z'))
})

test('a wrong current password is 403 password_wrong, and nothing changes', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const other = await app.logIn(EMAIL, PASSWORD)
  const token = await app.auth.getResetPasswordToken(EMAIL)
  for (const current_password of ['wrong', '', PASSWORD.toUpperCase(), `${PASSWORD} `]) {
    assertRefused(await change(app, session, { current_password, new_password: 'mallory' }), 403, 'password_wrong')
  }
  assert.deepEqual([await isAlive(app, session), await isAlive(app, other)], [true, true])
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
  await app.auth.updatePassword(token, 'by the token, which is still good')
})

test('a change needs both passwords and a live session, in one request', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  assertRefused(await change(app, session, { new_password: 'next' }), 400, 'field_required', { field: 'current_password' })
  assertRefused(await change(app, session, { current_password: PASSWORD }), 400, 'field_required', { field: 'new_password' })
  const empty = { current_password: PASSWORD, new_password: '' }
  assertRefused(await change(app, session, empty), 400, 'field_required', { field: 'new_password' })
  const both = { current_password: PASSWORD, new_password: 'next' }
  assertRefused(await change(app, session, { ...both, email: EMAIL }), 400, 'field_unknown', { field: 'email' })
  assertRefused(await change(app, 'A'.repeat(43), both), 403, 'session_required')
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
  assert.equal(await isAlive(app, session), true)
})

test('a form changes the password too', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const form = { current_password: PASSWORD, new_password: 'next' }
  assertAnswered(await app.request('PUT', '/account/password', { session, form }), { message: 'Password updated' })
})

test('of two sessions that change the password at once, one ends the other', async () => {
  const { app, session: first } = await appWithSession()
  await using _ = app
  const second = await app.logIn(EMAIL, PASSWORD)
  const [one, two] = await Promise.all([
    change(app, first, { current_password: PASSWORD, new_password: 'one' }),
    change(app, second, { current_password: PASSWORD, new_password: 'two' }),
  ])
  assert.deepEqual([one.status, two.status].sort(), [200, 403])
  const [winner, password] = one.status === 200 ? [one, 'one'] : [two, 'two']
  assert.equal(await app.auth.validLogin(EMAIL, password), true)
  assert.equal(await isAlive(app, sessionOf(winner) ?? ''), true)
  assert.deepEqual([await isAlive(app, first), await isAlive(app, second)], [false, false])
})

test('an account without a password cannot change one', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
  assertRefused(await change(app, session, { current_password: PASSWORD, new_password: 'next' }), 403, 'password_wrong')
})

test('a change that finds the hash queue full is 503, and nothing changes', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  {
    using _busy = occupyHashQueue(app)
    assertRefused(await change(app, session, { current_password: PASSWORD, new_password: 'next' }), 503, 'busy')
  }
  await until(() => app.auth.deps.hashQueue.running === 0)
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
})

test('two users with one password have different salts and hashes at the OWASP cost', async () => {
  await using app = await startTestApp()
  await app.register('a@me.com', PASSWORD)
  await app.register('b@me.com', PASSWORD)
  const rows = await app.auth.deps.database.reads.selectFrom('users').select('password_hash').execute()
  const hashes = rows.map((row) => row.password_hash ?? '')
  for (const hash of hashes) assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.equal(new Set(hashes.map((hash) => hash.split('$')[4])).size, 2)
})

test('a closed registration is refused before anything is hashed or told', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_REGISTRATION: 'closed' } })
  await app.auth.registerUser(EMAIL, PASSWORD)
  for (const email of [EMAIL, 'new@me.com']) {
    assertRefused(await app.request('POST', '/users', { form: { email, password: PASSWORD } }), 403, 'registration_closed')
  }
  await assert.rejects(app.auth.findUserBy({ email: 'new@me.com' }), refused('user_not_found'))
})
