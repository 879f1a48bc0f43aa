import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../../test/hardened-app.ts'
import { operationsOf } from '../../test/openapi-operations.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { addPasskey, enrolTotp, totpCode } from '../../test/second-factors.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, manySessions } from '../../test/totp-user.ts'
import { TABLES } from '../db/table-list.ts'

const EMAIL = 'ann@example.com'

/** What takes a fresh proof, with a body that fits where one is needed. */
const GUARDED: Readonly<Record<string, object | undefined>> = {
  'POST /account/email': { email: 'ann@new.example' },
  'PUT /account/password': { current_password: GOOD_PASSWORD, new_password: 'another long passphrase' },
  'GET /account/export': undefined,
  'DELETE /account': undefined,
  'POST /totp': undefined,
  'PUT /totp': { code: '000000' },
  'DELETE /totp': undefined,
  'POST /recovery_codes': undefined,
  'POST /passkeys/options': undefined,
  'POST /passkeys': undefined,
  'DELETE /passkeys/{id}': undefined,
}

/** Whatever is stored, but for the log and when a session was seen. */
async function storedIn(app: HardenedApp): Promise<string> {
  await app.auth.settled()
  const { reads } = app.auth.deps.database
  const kept = TABLES.map(({ name }) => name).filter((name) => !['audit_events', 'audit_state', 'sessions'].includes(name))
  return JSON.stringify(await Promise.all(kept.map((name) => reads.selectFrom(name).selectAll().execute())))
}

/** An account with both second factors. */
async function startWithBoth() {
  const app = await startForManyClients()
  const { secret, session, id } = await addTotpUser(app)
  const added = await addPasskey(app, session)
  await app.newMails()
  const creation = (await app.request('POST', '/passkeys/options', { session: added.session })).json
  const passkey = await added.authenticator.create({ ...creation, excludeCredentials: [] })
  const ask = (route: string, token: string) => {
    const [method = '', path = ''] = route.split(' ')
    const json = route === 'POST /passkeys' ? { passkey } : GUARDED[route]
    return app.request(method, path.replace('{id}', added.id), { session: token, ...(json && { json }) })
  }
  const stepUp = async (token: string, json: object) => {
    const answer = await app.request('POST', '/reauthentication', { session: token, json })
    assertAnswered(answer, { message: 'reauthenticated' })
    return sessionOf(answer) ?? ''
  }
  const byPasskey = async (token: string) => {
    const { json } = await app.request('POST', '/reauthentication/passkey_options', { session: token })
    return stepUp(token, { passkey: await added.authenticator.get(json) })
  }
  const byApp = (token: string) => stepUp(token, { totp_code: totpCode(app, secret) })
  const byPassword = (token: string) => stepUp(token, { password: GOOD_PASSWORD })
  return { app, id, secret, session: added.session, ask, byPasskey, byApp, byPassword }
}

const isRefused = (answer: Parameters<typeof assertRefused>[0]) => assertRefused(answer, 403, 'step_up_required')

test('what takes a fresh proof is every route that says so, and no other asks for one (R167)', async () => {
  await using app = await startForManyClients()
  const { paths } = (await app.request('GET', '/openapi.json')).json
  const saying = (await operationsOf(app)).filter(({ method, path }) =>
    JSON.stringify(paths[path][method.toLowerCase()].responses['403'] ?? '').includes('step_up_required'),
  )
  assert.deepEqual(saying.map(({ method, path }) => `${method} ${path}`).sort(), Object.keys(GUARDED).sort())
})

test('eleven minutes after the login each of them is refused and nothing changes; after a step-up with the app it is not (R167, R168)', async () => {
  const { app: started, session, ask, byApp } = await startWithBoth()
  await using app = started
  app.clock.advance(660)
  const before = await storedIn(app)
  for (const route of Object.keys(GUARDED)) isRefused(await ask(route, session))
  assert.equal(await storedIn(app), before)
  assert.deepEqual(await app.newMails(), [])
  const fresh = await byApp(session)
  for (const route of Object.keys(GUARDED)) {
    if (route.startsWith('DELETE')) continue
    const { json } = await ask(route, fresh)
    assert.notEqual(json.error, 'step_up_required', route)
  }
})

test('the password alone is no step-up for who has a second factor; a passkey alone is one (R168)', async () => {
  const { app: started, id, ask, byPassword, byPasskey } = await startWithBoth()
  await using app = started
  for (const amr of [['pwd'], ['email'], ['application'], ['pwd', 'email']]) {
    const [session = ''] = await manySessions(app, id, 1, amr)
    for (const route of Object.keys(GUARDED)) isRefused(await ask(route, session))
    const again = await byPassword(session)
    for (const route of Object.keys(GUARDED)) isRefused(await ask(route, again))
    const proven = await byPasskey(again)
    assert.equal((await ask('GET /account/export', proven)).status, 200)
  }
})

test('the app beside no password is not enough, in either order it is (R168)', async () => {
  const { app: started, id, ask, byApp, byPassword } = await startWithBoth()
  await using app = started
  for (const amr of [['application'], ['email']]) {
    app.clock.advance(60)
    const [session = ''] = await manySessions(app, id, 1, amr)
    const withApp = await byApp(session)
    isRefused(await ask('GET /account/export', withApp))
    assert.equal((await ask('GET /account/export', await byPassword(withApp))).status, 200)
  }
})

test('a second factor that was proved eleven minutes ago is not made fresh by the password (R168)', async () => {
  const { app: started, session, ask, byPassword, byApp } = await startWithBoth()
  await using app = started
  app.clock.advance(660)
  const again = await byPassword(session)
  isRefused(await ask('GET /account/export', again))
  assert.equal((await ask('GET /account/export', await byApp(again))).status, 200)
})

test('a factor that was added on another device a moment ago is asked for by the very next call (R169)', async () => {
  await using app = await startForManyClients()
  await addUser(app, EMAIL)
  const mine = await app.logIn(EMAIL, GOOD_PASSWORD)
  const other = await app.logIn(EMAIL, GOOD_PASSWORD)
  assert.equal((await app.request('GET', '/account/export', { session: mine })).status, 200)
  const { secret } = await enrolTotp(app, other)
  for (const [method, path] of [
    ['GET', '/account/export'],
    ['POST', '/recovery_codes'],
    ['DELETE', '/totp'],
    ['POST', '/totp'],
    ['POST', '/passkeys/options'],
    ['DELETE', '/account'],
  ] as const)
    isRefused(await app.request(method, path, { session: mine }))
  assert.equal((await app.request('GET', '/account', { session: mine })).status, 200)
  const stepUp = await app.request('POST', '/reauthentication', { session: mine, json: { totp_code: totpCode(app, secret) } })
  assert.equal((await app.request('GET', '/account/export', { session: sessionOf(stepUp) ?? '' })).status, 200)
})

test('a row that says nothing of a second factor proves none (R169)', async () => {
  const { app: started, session, ask } = await startWithBoth()
  await using app = started
  const { database } = app.auth.deps
  assert.equal((await ask('GET /account/export', session)).status, 200)
  await database.inTransaction((tx) => tx.updateTable('sessions').set({ second_factor_at: null }).execute())
  isRefused(await ask('GET /account/export', session))
  await database.inTransaction((tx) => tx.updateTable('sessions').set({ second_factor_at: app.clock.now(), amr: '' }).execute())
  isRefused(await ask('GET /account/export', session))
  // A clock that was set back makes no proof recent.
  const later = { second_factor_at: app.clock.now() + 60_000, amr: 'pwd otp mfa' }
  await database.inTransaction((tx) => tx.updateTable('sessions').set(later).execute())
  isRefused(await ask('GET /account/export', session))
})

test('what a client says of its own proof is not read: not in a body, a query, a header or a cookie (R170)', async () => {
  const { app: started, id, ask } = await startWithBoth()
  await using app = started
  const [session = ''] = await manySessions(app, id, 1, ['pwd'])
  const claims = { amr: 'pwd otp mfa pop', acr: 'aal2', auth_time: String(app.clock.now()), second_factor_at: String(app.clock.now()) }
  const query = new URLSearchParams(claims).toString()
  const cookie = [`session_id=${session}`, ...Object.entries(claims).map((claim) => claim.join('='))].join('; ')
  const headers = { cookie, 'x-amr': 'mfa', authorization: 'Bearer aal2' }
  for (const [path, method] of [
    ['/account/email', 'POST'],
    ['/account/export', 'GET'],
    ['/totp', 'POST'],
  ] as const) {
    const json = { email: 'x@new.example', ...claims }
    const answer = await app.request(method, `${path}?${query}`, { headers, ...(method === 'POST' && { json }) })
    assert.ok([400, 403].includes(answer.status), `${path} ${answer.text}`)
  }
  const sent = await app.request('POST', '/reauthentication', { session, json: { password: GOOD_PASSWORD, amr: ['pwd', 'otp'] } })
  assertRefused(sent, 400, 'field_unknown', { field: 'amr' })
  isRefused(await ask('GET /account/export', session))
})

test('a login with a recovery code is a proof like the app’s, for ten minutes', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes } = await addTotpUser(app)
  const session = sessionOf(await completeWith(app, { recovery_code: recoveryCodes[0] })) ?? ''
  app.clock.advance(600)
  assert.equal((await app.request('GET', '/account/export', { session })).status, 200)
  app.clock.advance(1)
  isRefused(await app.request('GET', '/account/export', { session }))
})

test('a step-up ends the old cookie, proves one factor at a time, and is refused without a session', async () => {
  const { app: started, session, secret, byApp } = await startWithBoth()
  await using app = started
  const both = { password: GOOD_PASSWORD, totp_code: totpCode(app, secret) }
  assertRefused(await app.request('POST', '/reauthentication', { session, json: both }), 400, 'field_invalid', { field: 'password' })
  assertRefused(await app.request('POST', '/reauthentication', { session, json: {} }), 400, 'field_required', { field: 'password' })
  assertRefused(await app.request('POST', '/reauthentication', { json: both }), 403, 'session_required')
  const renewed = await byApp(session)
  assertRefused(await app.request('GET', '/account', { session }), 403, 'session_required')
  assert.equal((await app.request('GET', '/account', { session: renewed })).status, 200)
})
