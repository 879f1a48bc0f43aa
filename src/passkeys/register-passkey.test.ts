import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import type { CborEntry } from '../../test/cbor.ts'
import { startHardenedApp } from '../../test/hardened-app.ts'
import {
  assertNotAdded,
  creationOptionsOf,
  eventsNamed,
  logInAs,
  PASSWORD,
  storedIn,
  tryToAdd,
  tryToLogIn,
  withPasskey,
} from '../../test/passkey-attempts.ts'
import { assertRefused } from '../../test/refusals.ts'
import { addPasskey, authenticatorOf, ticketOf } from '../../test/second-factors.ts'
import { sessionOf, startTestApp, type TestApp } from '../../test/test-app.ts'
import { MAX_PASSKEYS_PER_USER } from './register-passkey.ts'

const ANN = 'ann@example.com'

test('a browser is asked for a passkey that is found without an address, makes sure of its user, and attests nothing (R153, R155, R160)', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_NAME: 'Example' } })
  const options = await creationOptionsOf(app, await logInAs(app, ANN))
  const { challenge, user, ...rest } = options
  assert.deepEqual(rest, {
    rp: { name: 'Example', id: 'localhost' },
    pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key', alg })),
    timeout: 300_000,
    attestation: 'none',
    excludeCredentials: [],
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    extensions: { credProps: true },
  })
  assert.deepEqual([user.name, user.displayName], [ANN, ANN])
  assert.match(challenge, /^[\w-]{43,}$/)
})

/** `fetch` would not send another Host. */
function postWithHost(app: TestApp, path: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${app.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } })
    request.on('error', reject)
    request.on('response', async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode ?? 0, text })
    })
    request.end('{}')
  })
}

test('the relying party is the host of the public URL, whatever host a request names (R152)', async () => {
  await using app = await startTestApp()
  const session = await logInAs(app, ANN)
  const cookie = `session_id=${session}`
  for (const more of [
    { host: 'evil.example' },
    { host: 'localhost:1' },
    { 'x-forwarded-host': 'evil.example' },
    { forwarded: 'host=evil.example' },
  ]) {
    for (const path of ['/passkeys/options', '/sessions/passkey_options', '/reauthentication/passkey_options']) {
      const answer = await postWithHost(app, path, { cookie, ...more })
      // Another host is refused, or makes no difference.
      if (answer.status !== 200) assert.match(answer.text, /"host_refused"|"loopback_only"/, path)
      else assert.equal(JSON.parse(answer.text).rp?.id ?? JSON.parse(answer.text).rpId, 'localhost', path)
    }
  }
})

test('the handle is 64 random bytes, the same for one user each time, and says nothing of them (R158)', async () => {
  await using app = await startTestApp()
  const [ann, bob] = [await logInAs(app, ANN), await logInAs(app, 'bob@example.com')]
  const handleOf = async (session: string) => Buffer.from((await creationOptionsOf(app, session)).user.id, 'base64url')
  const all = await Promise.all(Array.from({ length: 5 }, () => handleOf(ann)))
  assert.equal(new Set(all.map((handle) => handle.toString('hex'))).size, 1)
  const [first, other] = [all[0] ?? Buffer.alloc(0), await handleOf(bob)]
  assert.equal(first.length, 64)
  assert.notDeepEqual(first, other)
  assert.ok(!first.includes(ANN) && !first.includes((await app.auth.findUserBy({ email: ANN })).id.replaceAll('-', '')))
  // Also after the last passkey is gone, so that an authenticator writes over its old one.
  const added = await addPasskey(app, ann)
  await app.request('DELETE', `/passkeys/${added.id}`, { session: added.session })
  assert.deepEqual(await handleOf(added.session), first)
})

test('a credential is one user’s: another who brings it is refused, and it stays whose it was (R157)', async () => {
  await using app = await startTestApp()
  const ann = await withPasskey(app, ANN)
  const [{ id = '' } = {}] = ann.authenticator.passkeys
  const bob = await logInAs(app, 'bob@example.com')
  const taken = Buffer.from(id, 'base64url')
  assertNotAdded(app, await tryToAdd(app, bob, { credentialId: taken }), 'credential is taken')
  assertNotAdded(app, await tryToAdd(app, ann.session, { credentialId: taken }), 'credential is taken')
  const { passkeys } = await storedIn(app)
  assert.deepEqual(
    passkeys.map((row) => row.id),
    [ann.id],
  )
  assert.equal((await app.request('GET', '/passkeys', { session: bob })).json.passkeys.length, 0)
  const login = await tryToLogIn(app, ann.authenticator)
  assert.equal((await app.request('GET', '/account', { session: sessionOf(login) ?? '' })).json.email, ANN)
})

test('of two users who bring one credential at the same moment one gets it (R157)', async () => {
  await using app = await startTestApp()
  const sessions = [await logInAs(app, ANN), await logInAs(app, 'bob@example.com')]
  const answers = await Promise.all(sessions.map((session) => tryToAdd(app, session, { credentialId: Buffer.alloc(16, 9) })))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403])
})

test('what somebody has already is not made again, and an id may have 1023 bytes (R157)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app)
  const options = await creationOptionsOf(app, session)
  assert.deepEqual(options.excludeCredentials, [
    { type: 'public-key', id: authenticator.passkeys[0]?.id, transports: ['hybrid', 'internal'] },
  ])
  await assert.rejects(authenticator.create(options), /already registered/)
  const long = await tryToAdd(app, session, { credentialId: Buffer.alloc(1_023, 1) })
  assert.equal(long.status, 200, long.text)
})

test('an attestation is ignored, in whatever format and however wrong; nothing is fetched for it (R160)', async () => {
  await using app = await startTestApp()
  let session = await logInAs(app, ANN)
  const x5c = {
    entries: [
      ['alg', -7],
      ['sig', new Uint8Array(70)],
      ['x5c', [new Uint8Array(900)]],
    ] satisfies CborEntry[],
  }
  const forges = [
    { fmt: 'packed' },
    { fmt: 'packed', attStmt: () => x5c },
    { fmt: 'packed', attStmt: () => ({ entries: [] }) },
    ...['fido-u2f', 'tpm', 'android-key', 'android-safetynet', 'apple', 'compound', 'made-up', ''].map((fmt) => ({
      fmt,
      attStmt: () => x5c,
    })),
    { fmt: 'none', attStmt: () => x5c },
  ]
  for (const forge of forges) {
    const answer = await tryToAdd(app, session, forge, authenticatorOf(app))
    assert.equal(answer.status, 200, `${forge.fmt} ${answer.text}`)
    session = sessionOf(answer) ?? ''
  }
  assert.equal((await storedIn(app)).passkeys.length, forges.length)
})

test('extensions that nobody asked for, unknown words for a transport, and flags of the future are let be (R162)', async () => {
  await using app = await startTestApp()
  const session = await logInAs(app, ANN)
  const authenticator = authenticatorOf(app)
  const extensions = { entries: [['madeUp', { entries: [['deep', [1, 'a', true]]] }]] satisfies CborEntry[] }
  const made = await authenticator.create(await creationOptionsOf(app, session), {
    extensions,
    clientExtensionResults: { credProps: { rk: false }, madeUp: { anything: [1] } },
    // Bits 1 and 5 are kept for later versions of the standard.
    beforeSigning: { authenticatorData: (bytes) => bytes.map((byte, at) => (at === 32 ? byte | 0b100010 : byte)) },
    clientData: { madeUp: [{ a: 1 }], other_keys_can_be_added_here: 'do not compare clientDataJSON against a template' },
  })
  const passkey = { ...made, response: { ...made.response, transports: ['internal', 'telepathy', 'usb'] } }
  assert.equal((await app.request('POST', '/passkeys', { session, json: { passkey } })).status, 200)
  assert.deepEqual(
    (await storedIn(app)).passkeys.map((row) => row.transports),
    ['internal usb'],
  )
  const login = await tryToLogIn(app, authenticator, {
    extensions,
    clientExtensionResults: { madeUp: true },
    beforeSigning: { authenticatorData: (bytes) => bytes.map((byte, at) => (at === 32 ? byte | 0b100010 : byte)) },
  })
  assert.equal(login.status, 200, login.text)
})

test('adding a passkey takes a fresh proof, tells its owner, and is in the log with its name in the list (R163)', async () => {
  await using app = await startHardenedApp()
  const session = await logInAs(app, ANN)
  const early = await authenticatorOf(app).create(await creationOptionsOf(app, session))
  app.clock.advance(601)
  assertRefused(await app.request('POST', '/passkeys/options', { session }), 403, 'step_up_required')
  assertRefused(await app.request('POST', '/passkeys', { session, json: { passkey: early } }), 403, 'step_up_required')
  assert.equal((await storedIn(app)).passkeys.length, 0)
  const fresh = sessionOf(await app.request('POST', '/reauthentication', { session, json: { password: PASSWORD } })) ?? ''
  await app.newMails()
  const added = await addPasskey(app, fresh, { name: 'Laptop of Ann' })
  // The session goes on under another token.
  assertRefused(await app.request('GET', '/account', { session: fresh }), 403, 'session_required')
  const mails = await app.newMails()
  assert.deepEqual(
    mails.map(({ to }) => to),
    [ANN],
  )
  assert.match(mails[0]?.text ?? '', /passkey/i)
  const [event] = await eventsNamed(app, 'factor_added')
  assert.equal(event?.detail, 'passkey')
  const { passkeys } = (await app.request('GET', '/passkeys', { session: added.session })).json
  assert.deepEqual(
    passkeys.map(({ name }: { name: string }) => name),
    ['Laptop of Ann'],
  )
})

test('a session that has a passkey proves itself with more than a password before it adds another (R163)', async () => {
  await using app = await startTestApp()
  const { session } = await withPasskey(app)
  app.clock.advance(601)
  const stepped = sessionOf(await app.request('POST', '/reauthentication', { session, json: { password: PASSWORD } })) ?? ''
  assertRefused(await app.request('POST', '/passkeys/options', { session: stepped }), 403, 'step_up_required')
})

test('whose passkey it is to be, the session says, and nothing else (R163)', async () => {
  await using app = await startTestApp()
  const bob = await app.auth.registerUser('bob@example.com', PASSWORD)
  const ann = await logInAs(app, ANN)
  const passkey = await authenticatorOf(app).create(await creationOptionsOf(app, ann))
  for (const more of [{ user_id: bob.id }, { userId: bob.id }, { email: 'bob@example.com' }, { user: { id: bob.id } }]) {
    assertRefused(await app.request('POST', '/passkeys/options', { session: ann, json: more }), 400, 'field_unknown', {
      field: Object.keys(more)[0] ?? '',
    })
    assert.equal((await app.request('POST', '/passkeys', { session: ann, json: { passkey, ...more } })).status, 400)
    assertRefused(await app.request('POST', '/passkeys', { json: { passkey, ...more } }), 403, 'session_required')
  }
  assertRefused(await app.request('POST', '/passkeys', { json: { passkey } }), 403, 'session_required')
  assertRefused(await app.request('POST', '/passkeys/options', {}), 403, 'session_required')
  assert.deepEqual((await storedIn(app)).passkeys, [])
})

test(`a user has at most ${MAX_PASSKEYS_PER_USER} passkeys`, async () => {
  await using app = await startTestApp()
  let { session } = await withPasskey(app)
  for (let count = 1; count < MAX_PASSKEYS_PER_USER; count++) session = sessionOf(await tryToAdd(app, session)) ?? ''
  assertRefused(await tryToAdd(app, session), 409, 'too_many_passkeys')
  assert.equal((await storedIn(app)).passkeys.length, MAX_PASSKEYS_PER_USER)
})

test('of passkeys that are added at once, one brings the recovery codes, and they stay', async () => {
  await using app = await startTestApp()
  const sessions = [await logInAs(app, ANN), await app.logIn(ANN, PASSWORD), await app.logIn(ANN, PASSWORD)]
  const made = await Promise.all(
    sessions.map(async (session) => ({ session, passkey: await authenticatorOf(app).create(await creationOptionsOf(app, session)) })),
  )
  const answers = await Promise.all(made.map(({ session, passkey }) => app.request('POST', '/passkeys', { session, json: { passkey } })))
  const added = answers.filter(({ status }) => status === 200)
  const shown = added.flatMap(({ json }) => (json.recovery_codes ? [json.recovery_codes] : []))
  assert.equal(shown.length, 1, answers.map(({ text }) => text).join('\n'))
  const [codes] = shown
  const ticket = await ticketOf(app, ANN, PASSWORD)
  const answer = await app.request('PUT', '/sessions', { json: { ticket, recovery_code: codes[0] } })
  assert.equal(answer.status, 200, answer.text)
})
