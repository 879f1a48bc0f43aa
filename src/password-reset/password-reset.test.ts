import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptDatabase } from '../../test/fresh-database.ts'
import { assertAnswered, assertRefused, refused } from '../../test/refusals.ts'
import { hardenedEnv, startTestApp, type TestApp, type TestAppOptions } from '../../test/test-app.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { sweep } from '../service/sweeper.ts'
import { disableUser, enableUser } from '../users/user-admin.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'mySuperPwd'

async function appWithUser(options?: TestAppOptions): Promise<TestApp> {
  const app = await startTestApp(options)
  await app.register(EMAIL, PASSWORD)
  return app
}

function put(app: TestApp, reset_token: string, new_password: string, email = EMAIL) {
  return app.request('PUT', '/reset_password', { form: { email, reset_token, new_password } })
}

test('a reset token works for 60 minutes', async () => {
  await using app = await appWithUser()
  const late = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(61 * 60)
  await assert.rejects(app.auth.updatePassword(late, 'new'), refused('reset_token_invalid', { logged: 'expired' }))
  assertRefused(await put(app, late, 'new'), 403, 'reset_token_invalid')
  const timely = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(59 * 60)
  assertAnswered(await put(app, timely, 'new'), { email: EMAIL, message: 'Password updated' })
})

test('a reset token is dead at the very second its hour ends', async () => {
  await using app = await appWithUser()
  const token = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(60 * 60)
  assertRefused(await put(app, token, 'new'), 403, 'reset_token_invalid')
})

test('the lifetime of a reset token is the one that was configured', async () => {
  await using app = await appWithUser({ env: { BIENVENUE_RESET_TOKEN_TTL: '10m' } })
  const token = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(10 * 60)
  assertRefused(await put(app, token, 'new'), 403, 'reset_token_invalid')
})

test('a reset token works once, even when twenty requests race', async () => {
  await using database = await keptDatabase()
  await using app = await appWithUser({ databaseUrl: database.url })
  const token = await app.auth.getResetPasswordToken(EMAIL)
  const passwords = Array.from({ length: 20 }, (_, at) => `new password ${at}`)
  const answers = await Promise.all(passwords.map((password) => put(app, token, password)))
  const winners = passwords.filter((_, at) => answers[at]?.status === 200)
  assert.equal(winners.length, 1)
  for (const answer of answers) if (answer.status !== 200) assertRefused(answer, 403, 'reset_token_invalid')
  const lost = passwords.find((password) => !winners.includes(password)) ?? ''
  assert.deepEqual([await app.auth.validLogin(EMAIL, lost), await app.auth.validLogin(EMAIL, winners[0] ?? '')], [false, true])
})

test('a reset token that was refused as expired stays refused when the clock is set back', async () => {
  await using app = await appWithUser()
  const token = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(3_600)
  assertRefused(await put(app, token, 'new'), 403, 'reset_token_invalid')
  app.clock.advance(-3_600)
  assertRefused(await put(app, token, 'new'), 403, 'reset_token_invalid')
})

test('no reset token is made for an address that its user has just given up', async () => {
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  for (let round = 0; round < 10; round++) {
    const [before, after] = [`before${round}@me.com`, `after${round}@me.com`]
    const { id } = await app.auth.addUser(before, 'no hash')
    const [token] = await Promise.allSettled([app.auth.getResetPasswordToken(before), app.auth.updateUser(id, { email: after })])
    if (token.status === 'fulfilled') await assert.rejects(app.auth.updatePassword(token.value, 'new'), refused('reset_token_invalid'))
    else refused('user_not_found')(token.reason)
  }
})

test('a newer reset token supersedes the earlier one', async () => {
  await using app = await appWithUser()
  const earlier = await app.auth.getResetPasswordToken(EMAIL)
  const newer = await app.auth.getResetPasswordToken(EMAIL)
  assertRefused(await put(app, earlier, 'new'), 403, 'reset_token_invalid')
  assert.equal((await put(app, newer, 'new')).status, 200)
})

test("one user's token supersedes nobody else's", async () => {
  await using app = await appWithUser()
  await app.register('amy@me.com', 'pwd')
  const bobs = await app.auth.getResetPasswordToken(EMAIL)
  await app.auth.getResetPasswordToken('amy@me.com')
  assert.equal((await put(app, bobs, 'new')).status, 200)
})

test("a token with another user's address sets neither password and is not consumed", async () => {
  await using app = await appWithUser()
  await app.register('amy@me.com', 'pwd')
  const bobs = await app.auth.getResetPasswordToken(EMAIL)
  assertRefused(await put(app, bobs, 'mallory', 'amy@me.com'), 403, 'reset_token_invalid')
  assert.equal(await app.auth.validLogin('amy@me.com', 'pwd'), true)
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
  assert.equal((await put(app, bobs, 'new')).status, 200)
})

test('a new password that the policy refuses consumes nothing', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await app.addVerified(EMAIL, PASSWORD)
  const token = await app.auth.getResetPasswordToken(EMAIL)
  for (const [password, reason] of [
    ['too short', 'too_short'],
    ['x1'.repeat(129), 'too_long'],
    ['passwordpassword', 'common'],
    ['bob@bob.combob@bob.com', 'context'],
  ] as const) {
    assertRefused(await put(app, token, password), 400, 'password_rejected', { field: 'new_password', reason })
  }
  assertRefused(await put(app, token, 'x'.repeat(1_025)), 400, 'field_invalid', { field: 'new_password' })
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
  assert.equal((await put(app, token, 'a fine new passphrase')).status, 200)
})

test('a reset ends every session of the user, and of nobody else', async () => {
  await using app = await appWithUser()
  await app.register('amy@me.com', 'pwd')
  const bobs = [await app.logIn(EMAIL, PASSWORD), await app.logIn(EMAIL, PASSWORD)]
  const amys = await app.logIn('amy@me.com', 'pwd')
  const answer = await put(app, await app.auth.getResetPasswordToken(EMAIL), 'new')
  assert.deepEqual(answer.headers.getSetCookie(), [], 'a reset logs nobody in')
  for (const session of bobs) assertRefused(await app.request('GET', '/profile', { session }), 403, 'session_required')
  assertAnswered(await app.request('GET', '/profile', { session: amys }), { email: 'amy@me.com' })
})

test('a change of password voids the reset token that was asked for before', async () => {
  await using app = await appWithUser()
  const token = await app.auth.getResetPasswordToken(EMAIL)
  const session = await app.logIn(EMAIL, PASSWORD)
  const change = await app.request('PUT', '/account/password', { session, json: { current_password: PASSWORD, new_password: 'changed' } })
  assert.equal(change.status, 200)
  assertRefused(await put(app, token, 'mallory'), 403, 'reset_token_invalid')
  assert.equal(await app.auth.validLogin(EMAIL, 'changed'), true)
})

test('a disabled user gets no reset token, and one asked for before does not work', async () => {
  await using app = await appWithUser()
  const token = await app.auth.getResetPasswordToken(EMAIL)
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  await disableUser(app.auth.deps, id, OPERATOR)
  assertRefused(await app.request('POST', '/reset_password', { form: { email: EMAIL } }), 403, 'user_not_found')
  assertRefused(await put(app, token, 'new'), 403, 'reset_token_invalid')
  await enableUser(app.auth.deps, id, OPERATOR)
  assertRefused(await put(app, token, 'new'), 403, 'reset_token_invalid')
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
})

test('asking for a reset alters nothing of the account', async () => {
  await using app = await appWithUser()
  const session = await app.logIn(EMAIL, PASSWORD)
  const account = () => app.request('GET', '/account', { session }).then(({ json }) => json)
  const before = await account()
  app.clock.advance(1)
  await app.auth.getResetPasswordToken(EMAIL)
  assert.deepEqual(await account(), before)
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
})

test('a reset is noted as a change of password', async () => {
  await using app = await appWithUser()
  const token = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(600)
  await put(app, token, 'new')
  assert.deepEqual((await app.auth.findUserBy({ email: EMAIL })).passwordChangedAt, new Date('2026-01-01T00:10:00Z'))
})

test('every refusal of a token reads the same', async () => {
  await using app = await appWithUser()
  const used = await app.auth.getResetPasswordToken(EMAIL)
  await put(app, used, 'new')
  const expired = await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(3_600)
  const answers = await Promise.all([used, expired, 'A'.repeat(43), 'x', ''].map((token) => put(app, token, 'new')))
  assert.equal(new Set(answers.map(({ text, json }) => text.replace(json.request_id, ''))).size, 1)
})

test('an account without a password gets one by a reset', async () => {
  await using app = await appWithUser()
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
  const { reset_token } = (await app.request('POST', '/reset_password', { form: { email: EMAIL } })).json
  assert.equal((await put(app, reset_token, 'new')).status, 200)
  assert.equal(await app.auth.validLogin(EMAIL, 'new'), true)
})

test('hardened answers every request for a reset alike and hands out no token', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await app.auth.registerUser(EMAIL, PASSWORD)
  for (const email of [EMAIL, 'nobody@me.com']) {
    assertAnswered(await app.request('POST', '/reset_password', { form: { email } }), { email, message: 'reset token sent' })
  }
})

test('expired reset tokens and sessions are swept away, live ones are not', async () => {
  await using app = await appWithUser()
  await app.register('amy@me.com', 'pwd')
  await app.logIn(EMAIL, PASSWORD)
  await app.auth.getResetPasswordToken(EMAIL)
  app.clock.advance(7 * 86_400)
  const session = await app.logIn('amy@me.com', 'pwd')
  const token = await app.auth.getResetPasswordToken('amy@me.com')
  await sweep(app.auth.deps)
  assert.equal(await sweep(app.auth.deps), 0)
  const { reads } = app.auth.deps.database
  for (const table of ['sessions', 'reset_tokens'] as const)
    assert.equal((await reads.selectFrom(table).select('user_id').execute()).length, 1, table)
  assertAnswered(await app.request('GET', '/profile', { session }), { email: 'amy@me.com' })
  assert.equal((await put(app, token, 'new', 'amy@me.com')).status, 200)
})
