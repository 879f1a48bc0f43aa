import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn, tokenIn } from '../../test/mail-links.ts'
import { operationsOf, requiredBody } from '../../test/openapi-operations.ts'
import { eventsNamed } from '../../test/passkey-attempts.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { addPasskey, assertionFor, enrolTotp, ticketOf, totpCode } from '../../test/second-factors.ts'
import { deviceCookieOf } from '../../test/set-cookie.ts'
import { hardenedEnv, sessionOf, startTestApp, type TestResponse } from '../../test/test-app.ts'

const EMAIL = 'ann@example.com'

/** Ann has an authenticator app, recovery codes and a passkey. */
async function withFactors() {
  const app = await startHardenedApp()
  await addUser(app, EMAIL)
  const totp = await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))
  const passkey = await addPasskey(app, totp.session)
  return { app, ...totp, ...passkey, recoveryCodes: totp.recoveryCodes }
}

/** The first factor, by every way there is but a passkey. */
const FIRST: Readonly<Record<string, (app: HardenedApp, headers?: Record<string, string>) => Promise<TestResponse>>> = {
  pwd: (app, headers = {}) => app.request('POST', '/sessions', { json: { email: EMAIL, password: GOOD_PASSWORD }, headers }),
  async code(app, headers = {}) {
    await app.request('POST', '/login_codes', { json: { email: EMAIL } })
    const code = codeIn((await app.newMails()).find(({ kind }) => kind === 'login_code'))
    return app.request('POST', '/sessions', { json: { email: EMAIL, code }, headers })
  },
  async link(app, headers = {}) {
    await app.request('POST', '/login_codes', { json: { email: EMAIL } })
    return app.request('POST', '/sessions', {
      json: { token: tokenIn((await app.newMails()).find(({ kind }) => kind === 'login_code')) },
      headers,
    })
  },
}

function put(app: Pick<HardenedApp, 'request'>, json: object, headers: Record<string, string> = {}) {
  return app.request('PUT', '/sessions', { json, headers })
}

async function eventsOf(app: HardenedApp) {
  return app.auth.deps.database.reads.selectFrom('audit_events').select(['name', 'factors', 'reason']).orderBy('id').execute()
}

test('a password, a mailed code and a link of an account with a second factor get a ticket: 401, these fields, no cookie (R060, R139)', async () => {
  const { app } = await withFactors()
  await using _ = app
  for (const [name, first] of Object.entries(FIRST)) {
    const answer = await first(app)
    assert.equal(answer.status, 401, name)
    assert.deepEqual(answer.headers.getSetCookie(), [], name)
    const { ticket, ...body } = answer.json
    assert.match(ticket, /^[A-Za-z0-9_-]{43}$/)
    assert.deepEqual(body, {
      error: 'second_factor_required',
      message: 'A second factor is required: PUT /sessions with the ticket.',
      factors: ['totp', 'recovery_code', 'passkey'],
      request_id: answer.headers.get('x-request-id'),
    })
    assertRefused(await app.request('GET', '/profile', { session: ticket }), 403, 'session_required')
  }
})

test('each second factor completes the login of each first one, and the session says what was proved; a passkey alone asks for nothing', async () => {
  const { app, secret, recoveryCodes, authenticator } = await withFactors()
  await using _ = app
  const amrOf = async (answer: TestResponse) =>
    (await app.request('GET', '/sessions/current', { session: sessionOf(answer) ?? '' })).json.session.amr
  let used = 0
  for (const [name, first] of Object.entries(FIRST)) {
    const proof = name === 'pwd' ? 'pwd' : 'email'
    // A recipient gets three mails an hour.
    app.clock.advance(3_600)
    for (const second of ['otp', 'recovery_code', 'pop'] as const) {
      if (second !== 'otp' && name === 'link') continue
      const { ticket } = (await first(app)).json
      const factor = {
        otp: () => ({ totp_code: totpCode(app, secret) }),
        recovery_code: () => ({ recovery_code: recoveryCodes[used++] }),
        pop: async () => ({ passkey: await assertionFor(app, authenticator, ticket) }),
      }
      const answer = await put(app, { ticket, ...(await factor[second]()) })
      assertAnswered(answer, { email: EMAIL, message: 'logged in' })
      assert.deepEqual(await amrOf(answer), [proof, second, 'mfa'])
      app.clock.advance(30)
    }
  }
  const alone = await app.request('POST', '/sessions', { json: { passkey: await assertionFor(app, authenticator) } })
  assertAnswered(alone, { email: EMAIL, message: 'logged in' })
  assert.deepEqual(await amrOf(alone), ['pop', 'mfa'])
})

test('of twenty completions with one ticket at once, one begins a session', async () => {
  const { app, secret, recoveryCodes } = await withFactors()
  await using _ = app
  const sessionsNow = async () => Number((await app.auth.deps.database.reads.selectFrom('sessions').select('id').execute()).length)
  // With ten codes that are all right it is the ticket that decides; with one code, which can be used once itself, either.
  for (const factor of [(at: number) => ({ recovery_code: recoveryCodes[at % 10] }), () => ({ totp_code: totpCode(app, secret) })]) {
    const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
    const before = await sessionsNow()
    const answers = await Promise.all(Array.from({ length: 20 }, (_one, at) => put(app, { ticket, ...factor(at) })))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    for (const answer of answers) if (answer.status !== 200) assert.ok([401, 429, 503].includes(answer.status), answer.text)
    assert.equal(await sessionsNow(), before + 1)
    app.clock.advance(3_600)
  }
})

test('no operation of the document takes a ticket for a session, as cookie or bearer (R060)', async () => {
  const { app } = await withFactors()
  await using _ = app
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  const guarded = (await operationsOf(app)).filter(({ needsSession }) => needsSession)
  assert.ok(guarded.length > 20)
  for (const operation of guarded) {
    const { method } = operation
    const path = operation.path.replace('{id}', 'x')
    const body = requiredBody(operation)
    assertRefused(await app.request(method, path, { session: ticket, ...body }), 403, 'session_required')
    const headers = { authorization: `Bearer ${ticket}` }
    assertRefused(await app.request(method, path, { headers, ...body }), 403, 'session_required')
  }
  assert.equal(await app.auth.getUserFromSessionId(ticket), null)
})

test("the browser's earlier session ends, and its device cookie comes, with the second factor and not with the first", async () => {
  const { app, secret, session } = await withFactors()
  await using _ = app
  const cookie = `session_id=${session}`
  const first = await FIRST.pwd?.(app, { cookie })
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  assertRefused(await put(app, { ticket: first?.json.ticket, totp_code: '000000' }, { cookie }), 401, 'second_factor_refused')
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  const done = await put(app, { ticket: first?.json.ticket, totp_code: totpCode(app, secret) }, { cookie })
  assertAnswered(done, { email: EMAIL, message: 'logged in' })
  assert.equal(deviceCookieOf(done)?.name, 'device_id')
  assertRefused(await app.request('GET', '/profile', { session }), 403, 'session_required')
})

test('exactly one factor in a body, and no field that is not known; what is refused for its form counts nothing and keeps the ticket', async () => {
  const { app, secret, recoveryCodes } = await withFactors()
  await using _ = app
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  const [totp_code, recovery_code] = [totpCode(app, secret), recoveryCodes[0]]
  for (let round = 0; round < 3; round++) {
    assertRefused(await put(app, { ticket, totp_code, recovery_code }), 400, 'field_invalid', { field: 'totp_code' })
    assertRefused(await put(app, { ticket }), 400, 'field_required', { field: 'totp_code' })
    assertRefused(await put(app, { ticket, totp_code, remember: true }), 400, 'field_unknown', { field: 'remember' })
    assertRefused(await put(app, { totp_code }), 400, 'field_required', { field: 'ticket' })
    for (const wrong of [null, '', [], {}, 0, true, [ticket]]) {
      const answer = await put(app, { ticket: wrong, totp_code })
      assert.ok(answer.status === 400 || answer.status === 401, `${JSON.stringify(wrong)} ${answer.text}`)
      assert.deepEqual(answer.headers.getSetCookie(), [])
    }
  }
  assertAnswered(await put(app, { ticket, totp_code }), { email: EMAIL, message: 'logged in' })
})

test('each step of a login leaves one event, with what was proved (R226)', async () => {
  const { app, secret } = await withFactors()
  await using _ = app
  const before = (await eventsOf(app)).length
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  await put(app, { ticket, totp_code: '000000' })
  await put(app, { ticket, totp_code: totpCode(app, secret) })
  assert.deepEqual(
    (await eventsOf(app)).slice(before).map(({ name, factors, reason }) => [name, factors, reason]),
    [
      ['authn_second_factor_due', 'pwd', null],
      ['authn_second_factor_fail', 'pwd', 'wrong_totp_code'],
      ['authn_login_success', 'pwd otp mfa', null],
    ],
  )
})

test('a wrong password of an account with a second factor is answered with the bytes of any other refusal (R028)', async () => {
  const { app } = await withFactors()
  await using _ = app
  await addUser(app, 'bob@example.com')
  const bytesOf = async (email: string, password: string) => {
    const { status, text, headers } = await app.request('POST', '/sessions', { json: { email, password } })
    const kept = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
    return JSON.stringify([status, text.replace(headers.get('x-request-id') ?? '-', 'ID'), kept])
  }
  const expected = await bytesOf('nobody@example.com', 'not the password')
  for (const email of ['bob@example.com', EMAIL]) assert.equal(await bytesOf(email, 'not the password'), expected, email)
})

test('validLogin says no while a second factor is due, and createSession makes a session that proves nothing', async () => {
  for (const env of [{}, hardenedEnv()]) {
    await using app = await startTestApp({ env })
    await app.addVerified(EMAIL, GOOD_PASSWORD)
    assert.equal(await app.auth.validLogin(EMAIL, GOOD_PASSWORD), true)
    const { session } = await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))
    assert.equal(await app.auth.validLogin(EMAIL, GOOD_PASSWORD), false)
    const made = (await app.auth.createSession(EMAIL)) ?? ''
    const current = await app.request('GET', '/sessions/current', { session: made })
    assert.deepEqual(current.json.session.amr, ['application'])
    assertRefused(await app.request('DELETE', '/totp', { session: made }), 403, 'step_up_required')
    assert.equal((await app.request('DELETE', '/totp', { session })).status, 200)
    assert.equal(await app.auth.validLogin(EMAIL, GOOD_PASSWORD), true)
  }
  await using app = await startTestApp({ env: hardenedEnv({ BIENVENUE_SECOND_FACTOR: 'required' }) })
  await app.addVerified(EMAIL, GOOD_PASSWORD)
  assert.equal(await app.auth.validLogin(EMAIL, GOOD_PASSWORD), false)
})

test('a reset by mail leaves the factors as they are, and the next login asks for one (R139)', async () => {
  const { app, secret } = await withFactors()
  await using _ = app
  await app.request('POST', '/reset_password', { json: { email: EMAIL } })
  const reset_token = tokenIn((await app.newMails()).find(({ kind }) => kind === 'reset_password'))
  const password = 'another long passphrase'
  const reset = await app.request('PUT', '/reset_password', { json: { email: EMAIL, reset_token, new_password: password } })
  assert.deepEqual([reset.status, sessionOf(reset)], [200, null])
  const ticket = await ticketOf(app, EMAIL, password)
  assertAnswered(await put(app, { ticket, totp_code: totpCode(app, secret) }), { email: EMAIL, message: 'logged in' })
})

test('a flood of refused passkeys is one event a minute, of a login and of a step-up', async () => {
  const { app: started, authenticator, session } = await withFactors()
  await using app = started
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  // Made for another login: it is refused each time.
  const passkey = await assertionFor(app, authenticator)
  const flood = async () => {
    for (let at = 0; at < 3; at++) {
      assertRefused(await app.request('PUT', '/sessions', { json: { ticket, passkey } }), 401, 'second_factor_refused')
      assertRefused(await app.request('POST', '/reauthentication', { session, json: { passkey } }), 403, 'passkey_refused')
    }
    return [(await eventsNamed(app, 'authn_second_factor_fail')).length, (await eventsNamed(app, 'authn_step_up_fail')).length]
  }
  assert.deepEqual(await flood(), [1, 1])
  app.clock.advance(60)
  assert.deepEqual(await flood(), [2, 2])
})
