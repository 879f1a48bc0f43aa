import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn, tokenIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { sessionOf } from '../../test/test-app.ts'
import { normaliseCode } from './login-code.ts'

const EMAIL = 'ann@example.com'

async function askFor(app: HardenedApp, email = EMAIL) {
  assertAnswered(await app.request('POST', '/login_codes', { json: { email } }), { email, message: 'login code sent' })
  return (await app.newMails())[0]
}

const logIn = (app: HardenedApp, code: string, email = EMAIL) => app.request('POST', '/sessions', { json: { email, code } })

test('a mailed code logs in once, in any spelling, within ten minutes', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const code = codeIn(await askFor(app))
  const answer = await logIn(app, ` ${code.toLowerCase().replace('-', ' ')} `)
  assertAnswered(answer, { email: EMAIL, message: 'logged in' })
  const current = await app.request('GET', '/sessions/current', { session: sessionOf(answer) ?? '' })
  assert.deepEqual(current.json.session.amr, ['email'])
  assertRefused(await logIn(app, code), 401, 'login_refused')

  const late = codeIn(await askFor(app))
  app.clock.advance(600)
  assertRefused(await logIn(app, late), 401, 'login_refused')
})

test('the link of the same mail logs in too, and only one of the two works', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const mail = await askFor(app)
  assertAnswered(await app.request('POST', '/sessions', { json: { token: tokenIn(mail) } }), { email: EMAIL, message: 'logged in' })
  assertRefused(await logIn(app, codeIn(mail)), 401, 'login_refused')
  assertRefused(await app.request('POST', '/sessions', { json: { token: tokenIn(mail) } }), 401, 'login_refused')
})

test('a newer code takes the earlier one’s place, and a change of password ends it', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const first = codeIn(await askFor(app))
  const second = codeIn(await askFor(app))
  assertRefused(await logIn(app, first), 401, 'login_refused')
  await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), 'another long passphrase')
  assertRefused(await logIn(app, second), 401, 'login_refused')
})

test('of parallel logins with one code one begins a session (R094)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const code = codeIn(await askFor(app))
  const answers = await Promise.all(Array.from({ length: 20 }, () => logIn(app, code)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  const { reads } = app.auth.deps.database
  assert.equal((await reads.selectFrom('sessions').select('id').execute()).length, 1)
})

test('five wrong codes close the door for fifteen minutes, across codes, known and unknown addresses alike (R036, R046)', async () => {
  await using app = await startHardenedApp({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
  await app.registerVerified(EMAIL)
  let last = 0
  const tryCode = (email: string, code: string) =>
    app.request('POST', '/sessions', { json: { email, code }, headers: { 'x-forwarded-for': `10.1.${++last >> 8}.${last & 255}` } })
  for (const email of [EMAIL, 'nobody@example.com']) {
    for (let at = 0; at < 5; at++) {
      if (at === 3) await askFor(app, email)
      assertRefused(await tryCode(email, '00000000'), 401, 'login_refused')
    }
    const closed = await tryCode(email, '00000000')
    assertRefused(closed, 429, 'too_many_attempts')
    assert.equal(closed.headers.get('retry-after'), '900')
  }
  const code = codeIn(await askFor(app))
  assertRefused(await tryCode(EMAIL, code), 429, 'too_many_attempts')
  // The password is another authenticator.
  assert.equal((await app.logInAnswer(EMAIL, GOOD_PASSWORD)).status, 200)
  app.clock.advance(900)
  // That code has expired meanwhile.
  app.clock.advance(3_600)
  assert.equal((await tryCode(EMAIL, codeIn(await askFor(app)))).status, 200)
})

test('nobody gets a code who could not log in: unknown, disabled, unverified', async () => {
  await using app = await startHardenedApp()
  await app.auth.registerUser('unverified@example.com', GOOD_PASSWORD)
  await app.registerVerified('disabled@example.com')
  await app.auth.deps.database.inTransaction((tx) =>
    tx.updateTable('users').set({ disabled_at: 1 }).where('email', '=', 'disabled@example.com').execute(),
  )
  for (const email of ['nobody@example.com', 'unverified@example.com', 'disabled@example.com'])
    assert.equal(await askFor(app, email), undefined, email)
})

test('the code is in the database as a keyed digest only', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const mail = await askFor(app)
  const rows = JSON.stringify(await app.auth.deps.database.reads.selectFrom('login_codes').selectAll().execute())
  for (const secret of [codeIn(mail), codeIn(mail).replace('-', ''), tokenIn(mail)]) assert.ok(!rows.includes(secret))
})

test('what cannot be a code is none, and reading never throws (property)', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.anything()), (text) => void normaliseCode(text)))
  assert.deepEqual(['oOil-1100', 'U0000000', '0000000', '000000000', '', null, 12345678].map(normaliseCode), [
    '00111100',
    null,
    null,
    null,
    null,
    null,
    null,
  ])
})
