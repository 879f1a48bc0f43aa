import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Attempt, reserveAttempt, succeedAttempt } from '../../src/throttles/throttle.ts'
import { assertAnswered, assertRefused, refused } from '../refusals.ts'
import { deviceCookieOf } from '../set-cookie.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../test-app.ts'

const EMAIL = 'bob@bücher.example'
const PASSWORD = 'correct horse battery staple'

/** A login through the proxy of a hardened service, for a client at this address. */
function logInFrom(app: TestApp, client: string, password = 'wrong', email = EMAIL) {
  return app.request('POST', '/sessions', { form: { email, password }, headers: { 'x-forwarded-for': client } })
}

const behindProxy = () => startTestApp({ env: hardenedEnv({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.1/32' }) })

test('Better Auth CVE-2026-45364: a thousand addresses of one /64 are one client (R042)', async () => {
  await using app = await behindProxy()
  const statuses = new Map<number, number>()
  for (let at = 0; at < 1_000; at++) {
    const client = `2001:db8:1:2:${at.toString(16)}:${(at * 7).toString(16)}:0:${(at + 1).toString(16)}`
    const { status } = await logInFrom(app, client, 'wrong', `user${at}@me.com`)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  assert.deepEqual(
    statuses,
    new Map([
      [401, 10],
      [429, 990],
    ]),
  )
  assert.equal((await logInFrom(app, '2001:db8:1:3::1')).status, 401)
})

test('Better Auth CVE-2026-45364: one address in five spellings is one client (R043)', async () => {
  for (const spellings of [
    ['2001:db8:5::1', '2001:0DB8:0005:0:0:0:0:1', '2001:DB8:5:0::1', '[2001:db8:5::1]', '2001:db8:5::1%eth0'],
    ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:C000:0207', '192.0.2.7:4711', '[::ffff:192.0.2.7]:4711'],
  ]) {
    await using app = await behindProxy()
    for (let at = 0; at < 10; at++) assert.equal((await logInFrom(app, spellings[at % 5] ?? '', 'wrong', `user${at}@me.com`)).status, 401)
    for (const spelling of spellings) assert.equal((await logInFrom(app, spelling, 'wrong', 'next@me.com')).status, 429, spelling)
  }
})

test('Better Auth CVE-2026-45364: a direct client is who its socket says, whatever X-Forwarded-For says (R044)', async () => {
  await using app = await startTestApp({ env: hardenedEnv({ BIENVENUE_TRUSTED_PROXIES: '10.0.0.0/8' }) })
  for (let at = 0; at < 10; at++) assert.equal((await logInFrom(app, `192.0.2.${at}`, 'wrong', `user${at}@me.com`)).status, 401)
  assert.equal((await logInFrom(app, '192.0.2.99', 'wrong', 'next@me.com')).status, 429)
  assert.equal(app.logLines.findLast(({ event }) => event === 'request')?.client, '127.0.0.1')
})

test('Better Auth GHSA-x732-6j76-qmhm, @fastify/express CVE-2026-33808: no spelling of the path is routed past the limit (R053)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  const spellings = [
    '//sessions',
    '/sessions/',
    '/SESSIONS',
    '/sessions;x',
    '/%73essions',
    '/./sessions',
    '/sessions//',
    '/x/../sessions',
    '/sessions?a=b',
  ]
  let evaluated = 0
  for (let round = 0; round < 3; round++) {
    for (const path of spellings) {
      const { status } = await app.request('POST', path, { form: { email: EMAIL, password: 'wrong' } })
      assert.ok([401, 404, 429].includes(status), `${path} ${status}`)
      if (status === 401) evaluated++
    }
  }
  assert.equal(evaluated, 5)
  for (const path of spellings)
    assert.notEqual((await app.request('POST', path, { form: { email: EMAIL, password: PASSWORD } })).status, 200, path)
})

test('Keycloak CVE-2026-9798, Authelia CVE-2025-24806 and CVE-2026-47203, Vikunja CVE-2026-123521: every spelling of an address and every path share the tries (R038, R045)', async () => {
  const spellings = [
    EMAIL,
    'BOB@Bücher.Example',
    'bob@BÜCHER.example',
    'bob@xn--bcher-kva.example',
    'Bob@XN--BCHER-KVA.EXAMPLE',
    'bob@bu\u0308cher.example',
  ]
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  const session = await app.logIn(EMAIL, PASSWORD)
  const logIn = (email: string, password: string) => app.request('POST', '/sessions', { form: { email, password } })
  const change = (current_password: string) =>
    app.request('PUT', '/account/password', { session, json: { current_password, new_password: 'another' } })
  for (const spelling of spellings.slice(0, 3)) assertRefused(await logIn(spelling, 'wrong'), 401, 'login_refused')
  assertRefused(await change('wrong'), 403, 'password_wrong')
  assert.equal(await app.auth.validLogin('bob@xn--bcher-kva.example', 'wrong'), false)
  for (const spelling of spellings) {
    assertRefused(await logIn(spelling, PASSWORD), 429, 'too_many_attempts')
    assert.equal(await app.auth.validLogin(spelling, PASSWORD), false)
  }
  assertRefused(await change(PASSWORD), 429, 'too_many_attempts')
  // Of an address that nobody has, all spellings are one too.
  const nobodys = ['eve@bücher.example', 'EVE@bücher.example', 'eve@xn--bcher-kva.example']
  for (let at = 0; at < 5; at++) assertRefused(await logIn(nobodys[at % 3] ?? '', 'wrong'), 401, 'login_refused')
  for (const spelling of nobodys) assertRefused(await logIn(spelling, 'wrong'), 429, 'too_many_attempts')
})

test('Keycloak GHSA-cq42-vhv7-xr7p, CVE-2021-3754: fifty failures of somebody else lock nobody out, and no other account has her address (R041)', async () => {
  await using app = await behindProxy()
  await app.addVerified(EMAIL, PASSWORD)
  const device = deviceCookieOf(await logInFrom(app, '198.51.100.1', PASSWORD))?.value
  for (let failure = 1; failure <= 50; failure++) await logInFrom(app, `192.0.2.${failure}`)
  assert.equal((await logInFrom(app, '198.51.100.1', PASSWORD)).status, 429)
  const headers = { 'x-forwarded-for': '198.51.100.1', cookie: `device_id=${device}` }
  const victim = await app.request('POST', '/sessions', { form: { email: EMAIL, password: PASSWORD }, headers })
  assertAnswered(victim, { email: EMAIL, message: 'logged in' })
  // There are no user names: who registers "as" the victim registers her address, and it is taken in every spelling.
  await assert.rejects(app.auth.registerUser('BOB@xn--bcher-kva.example', PASSWORD), refused('email_already_registered'))
  // The way back for who has no such browser.
  await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), 'another long enough phrase')
  assert.equal((await logInFrom(app, '198.51.100.2', 'another long enough phrase')).status, 200)
})

test('listmonk CVE-2026-128332, Vikunja CVE-2026-35597, Keycloak GHSA-85v8-vx4w-q684: codes are counted on the account, whatever the ticket, and a request that breaks forgives none (R046, R047)', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await app.addVerified(EMAIL, PASSWORD)
  const user = await app.auth.findUserBy({ email: EMAIL })
  const code: Attempt = { authenticator: 'second_factor', account: { userId: user.id }, isKnownDevice: false, address: null }
  let evaluated = 0
  for (let ticket = 1; ticket <= 10; ticket++) {
    // A right password, which the ticket is issued for.
    const password = await reserveAttempt(deps, { ...code, authenticator: 'password' })
    await deps.database.inTransaction((tx) => succeedAttempt(tx, password))
    for (let wrong = 1; wrong <= 3; wrong++) {
      const reservation = await reserveAttempt(deps, code).catch(refused('too_many_attempts'))
      if (reservation === true) continue
      evaluated++
      const handler = deps.database.inTransaction(async (tx) => {
        await succeedAttempt(tx, reservation)
        throw new Error('the handler breaks after it has looked')
      })
      await assert.rejects(handler, /breaks/)
    }
  }
  assert.equal(evaluated, 5)
  await assert.rejects(reserveAttempt(deps, code), refused('too_many_attempts', { retryAfterSeconds: 900 }))
})
