import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_KEYS } from '../../test/cose-key.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import {
  assertNotLoggedIn,
  creationOptionsOf,
  eventsNamed,
  logInAs,
  PASSWORD,
  reasonOf,
  requestOptionsOf,
  STALE,
  storedIn,
  tryToAdd,
  tryToLogIn,
  withPasskey,
} from '../../test/passkey-attempts.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { assertionFor, authenticatorOf, ticketOf } from '../../test/second-factors.ts'
import { hardenedEnv, sessionOf, startTestApp } from '../../test/test-app.ts'
import { makeAuthenticator } from '../../test/virtual-authenticator.ts'

const ANN = 'ann@example.com'
const BOB = 'bob@example.com'

test('with each kind of key a user adds a passkey, logs in without typing anything, and is asked for nothing else', async () => {
  await using app = await startTestApp()
  for (const key of GOOD_KEYS) {
    const [email, authenticator] = [`${key.toLowerCase()}@example.com`, authenticatorOf(app)]
    assert.equal((await tryToAdd(app, await logInAs(app, email), { key }, authenticator)).status, 200)
    const options = await requestOptionsOf(app)
    assert.deepEqual(
      { ...options, challenge: '' },
      {
        challenge: '',
        rpId: 'localhost',
        timeout: 300_000,
        userVerification: 'required',
        allowCredentials: [],
      },
    )
    const login = await app.request('POST', '/sessions', { json: { passkey: await authenticator.get(options) } })
    assertAnswered(login, { email, message: 'logged in' })
    const session = sessionOf(login) ?? ''
    // It is as strong as anything can be, so it opens what asks for a fresh proof.
    assert.equal((await app.request('GET', '/account/export', { session })).status, 200)
  }
  const events = await eventsNamed(app, 'authn_login_success')
  assert.deepEqual(
    events.slice(-1).map(({ factors }) => factors),
    ['pop mfa'],
  )
})

test('a passkey completes a login that began with the password, and only its owner’s does (R156)', async () => {
  await using app = await startTestApp()
  const ann = await withPasskey(app, ANN)
  const bob = await withPasskey(app, BOB)
  const ticket = await ticketOf(app, ANN, PASSWORD)
  const options = async () => (await app.request('POST', '/sessions/passkey_options', { json: { ticket } })).json
  const [annsId, bobsId] = [ann.authenticator.passkeys[0]?.id ?? '', bob.authenticator.passkeys[0]?.id ?? '']
  assert.deepEqual(
    (await options()).allowCredentials.map(({ id }: { id: string }) => id),
    [annsId],
  )
  const put = (passkey: unknown) => app.request('PUT', '/sessions', { json: { ticket, passkey } })
  const before = await storedIn(app)
  const bobsHandle = bob.authenticator.passkeys[0]?.userHandle
  for (const [reason, passkey] of [
    ['another user’s passkey', await bob.authenticator.get(await options(), { passkey: bobsId })],
    ['another user’s passkey', await bob.authenticator.get(await options(), { passkey: bobsId, userHandle: null })],
    [
      'another user’s passkey',
      await bob.authenticator.get(await options(), { passkey: bobsId, userHandle: ann.authenticator.passkeys[0]?.userHandle ?? '' }),
    ],
    ['another user’s handle', await ann.authenticator.get(await options(), { userHandle: bobsHandle ?? '' })],
    ['signature', await bob.authenticator.get(await options(), { passkey: bobsId, id: annsId, userHandle: null })],
    ['unverifiable', await ann.authenticator.get(await options(), { flags: { uv: false } })],
    [STALE, await ann.authenticator.get(await requestOptionsOf(app))],
  ] as const) {
    const answer = await put(passkey)
    assertRefused(answer, 401, 'second_factor_refused')
    assert.equal(reasonOf(app, answer), reason)
  }
  assert.deepEqual(await storedIn(app), before)
  // Here the user is known already: a security key of old gives no handle.
  const right = await put(await ann.authenticator.get(await options(), { userHandle: null }))
  assertAnswered(right, { email: ANN, message: 'logged in' })
  assertRefused(await put(await ann.authenticator.get(await requestOptionsOf(app))), 401, 'ticket_invalid')
})

test('a passkey proves its user again within a session, and only its owner’s does (R153, R156)', async () => {
  await using app = await startTestApp()
  const ann = await withPasskey(app, ANN)
  const bob = await withPasskey(app, BOB)
  app.clock.advance(601)
  const { session } = ann
  const options = async () => (await app.request('POST', '/reauthentication/passkey_options', { session })).json
  const prove = (passkey: unknown) => app.request('POST', '/reauthentication', { session, json: { passkey } })
  const bobsId = bob.authenticator.passkeys[0]?.id ?? ''
  const before = await storedIn(app)
  for (const [reason, passkey] of [
    ['another user’s passkey', await bob.authenticator.get(await options(), { passkey: bobsId })],
    [
      'another user’s handle',
      await ann.authenticator.get(await options(), { userHandle: bob.authenticator.passkeys[0]?.userHandle ?? '' }),
    ],
    ['unverifiable', await ann.authenticator.get(await options(), { flags: { uv: false } })],
    ['cross-origin', await ann.authenticator.get(await options(), { clientData: { crossOrigin: true } })],
    [STALE, await assertionFor(app, ann.authenticator)],
  ] as const) {
    const answer = await prove(passkey)
    assertRefused(answer, 403, 'passkey_refused')
    assert.equal(reasonOf(app, answer), reason)
  }
  assert.deepEqual(await storedIn(app), before)
  assertRefused(await app.request('GET', '/account/export', { session }), 403, 'step_up_required')
  const proven = await prove(await ann.authenticator.get(await options()))
  assertAnswered(proven, { message: 'reauthenticated' })
  assert.equal((await app.request('GET', '/account/export', { session: sessionOf(proven) ?? '' })).status, 200)
  assertRefused(await app.request('POST', '/reauthentication/passkey_options', {}), 403, 'session_required')
})

test('a disabled user’s passkey logs nobody in, and is refused as any other', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ disabled_at: app.clock.now() }).execute())
  assertNotLoggedIn(app, await tryToLogIn(app, authenticator), 'changed_meanwhile')
})

test('who asks to log in learns of nobody whether they have passkeys (R156)', async () => {
  await using app = await startTestApp()
  await withPasskey(app, ANN)
  assert.deepEqual((await requestOptionsOf(app)).allowCredentials, [])
  const named = await app.request('POST', '/sessions/passkey_options', { json: { email: ANN } })
  assertRefused(named, 400, 'field_unknown', { field: 'email' })
  const unknown = await app.request('POST', '/sessions/passkey_options', { json: { ticket: 'A'.repeat(43) } })
  assertRefused(unknown, 403, 'session_required')
})

test('what is no passkey at all is told by its form, and changes nothing', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app, ANN)
  const right = await assertionFor(app, authenticator)
  const before = await storedIn(app)
  for (const passkey of [
    {},
    [],
    'x',
    7,
    { ...right, type: 'password' },
    { ...right, id: 7 },
    { ...right, response: null },
    { ...right, response: { ...right.response, signature: undefined } },
    { ...right, response: { ...right.response, clientDataJSON: ['x'] } },
  ]) {
    for (const [method, path, more] of [
      ['POST', '/sessions', {}],
      ['POST', '/passkeys', { session }],
      ['POST', '/reauthentication', { session }],
    ] as const) {
      const answer = await app.request(method, path, { ...more, json: { passkey } })
      assert.deepEqual([answer.status, answer.json.error], [400, 'field_invalid'], `${path} ${JSON.stringify(passkey)} ${answer.text}`)
    }
  }
  assert.deepEqual(await storedIn(app), before)
  // It was not looked at, so its challenge is there still.
  assert.equal((await app.request('POST', '/sessions', { json: { passkey: right } })).status, 200)
})

test('a passkey is added at one process and logs in at another; what is removed at the one is refused at the other', async () => {
  await using database = await keptDatabase()
  await using one = await startTestApp({ databaseUrl: database.url })
  await using two = await startTestApp({ databaseUrl: database.url, clock: one.clock })
  const session = await logInAs(one, ANN)
  const authenticator = authenticatorOf(one)
  const passkey = await authenticator.create(await creationOptionsOf(one, session))
  const added = await two.request('POST', '/passkeys', { session, json: { passkey } })
  assert.equal(added.status, 200, added.text)
  const login = await one.request('POST', '/sessions', { json: { passkey: await assertionFor(two, authenticator) } })
  assert.equal(login.status, 200, login.text)
  await one.request('DELETE', `/passkeys/${added.json.id}`, { session: sessionOf(login) ?? '' })
  assertNotLoggedIn(two, await tryToLogIn(two, authenticator), 'unknown credential')
})

test('below a path of an application, passkeys are of the application’s origin and host (R150, R152)', async () => {
  const origin = 'https://www.example.com:8443'
  const env = hardenedEnv({ BIENVENUE_PUBLIC_URL: `${origin}/auth`, BIENVENUE_TRUSTED_PROXIES: 'none' })
  await using app = await startTestApp({ form: 'library', env })
  const { request } = app
  Object.assign(app, {
    request: (method: string, path: string, more: Parameters<typeof request>[2]) =>
      request(method, `/auth${path}`, { ...more, headers: { host: 'www.example.com:8443', ...more?.headers } }),
  })
  const session = await logInAs(app, ANN)
  const authenticator = makeAuthenticator({ origin, rpId: 'www.example.com' })
  const options = await creationOptionsOf(app, session)
  assert.equal(options.rp.id, 'www.example.com')
  const added = await tryToAdd(app, session, {}, authenticator)
  assert.equal(added.status, 200, added.text)
  assert.equal((await tryToLogIn(app, authenticator)).status, 200)
  for (const forged of [`${origin}/auth`, 'https://www.example.com', 'http://www.example.com:8443', 'https://example.com:8443'])
    assertNotLoggedIn(app, await tryToLogIn(app, authenticator, { clientData: { origin: forged } }), 'another origin')
  assertNotLoggedIn(app, await tryToLogIn(app, authenticator, { rpId: 'example.com' }), 'unverifiable')
})
