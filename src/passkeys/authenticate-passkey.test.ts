import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_KEYS } from '../../test/cose-key.ts'
import { type AssertionForge, append, type Bytes, flipBit } from '../../test/forge.ts'
import {
  assertNotLoggedIn,
  eventsNamed,
  logInAs,
  PASSWORD,
  reasonOf,
  requestOptionsOf,
  securityKeyOf,
  storedIn,
  tryToAdd,
  tryToLogIn,
  withPasskey,
} from '../../test/passkey-attempts.ts'
import { assertRefused } from '../../test/refusals.ts'
import { assertionFor, authenticatorOf, ticketOf } from '../../test/second-factors.ts'
import { sessionOf, startTestApp } from '../../test/test-app.ts'

const ANN = 'ann@example.com'

/** Each of them tried with the right key of a passkey that is there; all of them refused in the same words, and nothing changes. */
async function assertAllRefused(attempts: readonly (readonly [what: string, reason: string, forge: AssertionForge])[]): Promise<void> {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  const before = await storedIn(app)
  for (const [what, reason, forge] of attempts) assertNotLoggedIn(app, await tryToLogIn(app, authenticator, forge), reason, what)
  assert.deepEqual(await storedIn(app), before)
  assert.equal((await tryToLogIn(app, authenticator)).status, 200)
}

const clientData = (change: (bytes: Bytes) => Bytes): AssertionForge => ({ beforeSigning: { clientDataJSON: change } })
const insertText = (text: string) => (bytes: Bytes) => Buffer.from(Buffer.from(bytes).toString().replace('{', `{${text}`))

test('an answer to another ceremony, of another origin, or out of another site’s frame is refused, well signed as it is (R149, R150, R151)', () =>
  assertAllRefused([
    ...['webauthn.create', 'webauthn.Get', 'payment.get', '', undefined].map(
      (type) => [`type ${type}`, 'another ceremony', { clientData: { type } }] as const,
    ),
    ...['https://evil.example', 'https://localhost:5000', 'http://localhost', 'http://localhost:5001', 'http://sub.localhost:5000'].map(
      (origin) => [origin, 'another origin', { clientData: { origin } }] as const,
    ),
    ...['http://localhost:5000.evil.example', 'http://localhost:5000/', 'http://evil.example#http://localhost:5000', '', null].map(
      (origin) => [`${origin}`, 'another origin', { clientData: { origin } }] as const,
    ),
    ['crossOrigin', 'cross-origin', { clientData: { crossOrigin: true } }],
    ['crossOrigin 1', 'cross-origin', { clientData: { crossOrigin: 1 } }],
    ['with our own topOrigin', 'cross-origin', { clientData: { crossOrigin: true, topOrigin: 'http://localhost:5000' } }],
    ['topOrigin', 'within another origin', { clientData: { crossOrigin: false, topOrigin: 'https://evil.example' } }],
  ]))

test('client data with a key twice, a byte order mark, or in another spelling is refused (R161)', () => {
  const wrong = 'client data is no object with a challenge'
  return assertAllRefused([
    ['a key twice', wrong, clientData(insertText('"crossOrigin":true,'))],
    ['a byte order mark', wrong, clientData((bytes) => Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes))],
    ['bytes behind it', wrong, clientData((bytes) => append(bytes, 0))],
    ['no object', wrong, clientData(() => Buffer.from('"challenge"'))],
  ])
})

test('an answer of another relying party is refused (R152), and one that nobody touched or whose user was not verified (R153)', () =>
  assertAllRefused([
    ['rp id', 'unverifiable', { rpId: 'evil.example' }],
    ['rp id in capitals', 'unverifiable', { rpId: 'LOCALHOST' }],
    ['no user present', 'unverifiable', { flags: { up: false } }],
    ['no user verified', 'unverifiable', { flags: { uv: false } }],
    ['backed up, not eligible', 'unverifiable', { flags: { be: false, bs: true } }],
    ['not eligible any more', 'backup eligibility changed', { flags: { be: false, bs: false } }],
    ['a credential announced', 'unverifiable', { flags: { at: true } }],
    ['extensions announced', 'unverifiable', { flags: { ed: true } }],
  ]))

test('a passkey that stays on its device may not say one day that it can be copied (R153)', async () => {
  await using app = await startTestApp()
  const key = securityKeyOf(app)
  await withPasskey(app, ANN, key)
  assertNotLoggedIn(app, await tryToLogIn(app, key, { flags: { be: true } }), 'backup eligibility changed')
  assert.equal((await tryToLogIn(app, key)).status, 200)
})

test('that it is backed up is taken note of (R153)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app, ANN)
  const backedUp = async () => (await app.request('GET', '/passkeys', { session })).json.passkeys[0].backed_up
  assert.equal(await backedUp(), true)
  assert.equal((await tryToLogIn(app, authenticator, { flags: { bs: false } })).status, 200)
  assert.equal(await backedUp(), false)
})

/** Twelve of a signature's 512 bits. */
const BITS = Array.from({ length: 12 }, (_, at) => Math.floor((at * 512) / 12))
const flipped = (bit: number): AssertionForge => ({ sign: (data, sign) => flipBit(sign(data), bit) })

test('with one bit changed in the signature, or in what is signed, nothing is right any more (R154)', () =>
  assertAllRefused([
    ...BITS.map((bit) => [`signature ${bit}`, 'signature', flipped(bit)] as const),
    ['of 63 bytes', 'signature', { sign: (data, sign) => sign(data).slice(1) }],
    ['of 65 bytes', 'signature', { sign: (data, sign) => append(sign(data), 0) }],
    ['of zeros', 'signature', { sign: () => new Uint8Array(64) }],
    ['none', 'not base64url', { sign: () => new Uint8Array(0) }],
    ['of the client data alone', 'signature', { sign: (data, sign) => sign(data.slice(37)) }],
    ['a count', 'signature', { afterSigning: { authenticatorData: (bytes) => flipBit(bytes, 36 * 8) } }],
    ['a reserved flag', 'signature', { afterSigning: { authenticatorData: (bytes) => flipBit(bytes, 32 * 8 + 6) } }],
    ['the user verified afterwards', 'signature', verifiedAfterwards()],
    ['a space', 'signature', { afterSigning: { clientDataJSON: (bytes) => append(bytes, 0x20) } }],
    ['bytes behind', 'unverifiable', { beforeSigning: { authenticatorData: (bytes) => append(bytes, 0) } }],
    ['36 bytes', 'unverifiable', { beforeSigning: { authenticatorData: (bytes) => bytes.slice(0, 36) } }],
    ['no authenticator data', 'not base64url', { beforeSigning: { authenticatorData: () => new Uint8Array(0) } }],
  ]))

function verifiedAfterwards(): AssertionForge {
  return { flags: { uv: false }, afterSigning: { authenticatorData: (bytes) => bytes.map((byte, at) => (at === 32 ? byte | 4 : byte)) } }
}

test('another id, an unknown one, one in another spelling, and a raw id that differs are refused (R154)', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  const other = await withPasskey(app, 'bob@example.com')
  const [ids, others] = [authenticator, other.authenticator].map(({ passkeys }) => passkeys[0]?.id ?? '')
  for (const [reason, forge] of [
    ['unknown credential', { id: Buffer.alloc(32).toString('base64url') }],
    ['unknown credential', { id: `${ids}=` }],
    ['unknown credential', { id: '' }],
    ['unverifiable', { rawId: Buffer.alloc(32).toString('base64url') }],
    ['unverifiable', { rawId: others }],
    ['another user’s handle', { id: others }],
    ['signature', { id: others, userHandle: other.authenticator.passkeys[0]?.userHandle }],
    ['unknown credential', { id: Buffer.alloc(20_000).toString('base64url') }],
  ] as const)
    assertNotLoggedIn(app, await tryToLogIn(app, authenticator, forge as AssertionForge), reason)
})

test('each part has one spelling in base64url: with padding, a space or other letters it is refused (R161)', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  for (const [part, reason] of [
    ['clientDataJSON', 'client data is no object with a challenge'],
    ['authenticatorData', 'not base64url'],
    ['signature', 'not base64url'],
  ] as const)
    for (const spell of [(text: string) => `${text}=`, (text: string) => ` ${text}`, (text: string) => `${text}\n`]) {
      const { response, ...passkey } = await assertionFor(app, authenticator)
      const json = { passkey: { ...passkey, response: { ...response, [part]: spell(response[part]) } } }
      assertNotLoggedIn(app, await app.request('POST', '/sessions', { json }), reason)
    }
})

test('who logs in is said by the handle, which must be there and be the passkey’s owner’s (R156)', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  const bob = await withPasskey(app, 'bob@example.com')
  const foreign = bob.authenticator.passkeys[0]?.userHandle ?? ''
  const own = authenticator.passkeys[0]?.userHandle ?? ''
  for (const [userHandle, reason] of [
    [null, 'no user handle'],
    ['', 'no user handle'],
    [foreign, 'another user’s handle'],
    [Buffer.alloc(64).toString('base64url'), 'another user’s handle'],
    [own.slice(0, 40), 'another user’s handle'],
    [`${own}=`, 'another user’s handle'],
    [Buffer.from(ANN).toString('base64url'), 'another user’s handle'],
  ] as const)
    assertNotLoggedIn(app, await tryToLogIn(app, authenticator, { userHandle }), reason)
})

test('a count that does not rise is refused and reported, and one that was refused is not taken over (R159)', async () => {
  await using app = await startTestApp()
  const key = securityKeyOf(app)
  const { id } = await withPasskey(app, ANN, key)
  const countIn = async () => (await storedIn(app)).passkeys[0]?.sign_count
  assert.equal((await tryToLogIn(app, key, { signCount: 5 })).status, 200)
  for (const signCount of [5, 4, 1, 0]) assertNotLoggedIn(app, await tryToLogIn(app, key, { signCount }), 'sign count did not rise')
  assert.equal(await countIn(), 5)
  const events = await eventsNamed(app, 'passkey_clone_suspected')
  assert.deepEqual(
    events.map(({ outcome, detail }) => [outcome, detail]),
    Array(4).fill(['failure', `passkey=${id}`]),
  )
  // Not by whoever has no key: their count is none.
  const forged: AssertionForge = { signCount: 3, sign: () => new Uint8Array(64) }
  assertNotLoggedIn(app, await tryToLogIn(app, key, forged), 'signature')
  assert.equal((await eventsNamed(app, 'passkey_clone_suspected')).length, 4)
  assertNotLoggedIn(app, await tryToLogIn(app, key, { ...forged, signCount: 900 }), 'signature')
  assert.equal(await countIn(), 5)
  for (const signCount of [6, 2 ** 31, 2 ** 32 - 1]) assert.equal((await tryToLogIn(app, key, { signCount })).status, 200, `${signCount}`)
})

test('an authenticator that counts nothing logs in as often as it likes (R159)', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  for (let login = 0; login < 10; login++) assert.equal((await tryToLogIn(app, authenticator)).status, 200)
  assert.deepEqual(await eventsNamed(app, 'passkey_clone_suspected'), [])
  // Once it has counted, it goes on counting.
  assert.equal((await tryToLogIn(app, authenticator, { signCount: 1 })).status, 200)
  assertNotLoggedIn(app, await tryToLogIn(app, authenticator), 'sign count did not rise')
})

test('a right passkey in a login that is not completed leaves the count as it was (R159)', async () => {
  await using app = await startTestApp()
  const key = securityKeyOf(app)
  const { session } = await withPasskey(app, ANN, key)
  const countIn = async () => (await storedIn(app)).passkeys[0]?.sign_count
  const before = await countIn()
  // The ticket ends, and the user is disabled, between the look and the use.
  const ticket = await ticketOf(app, ANN, PASSWORD)
  const passkey = await assertionFor(app, key, ticket)
  await app.request('DELETE', '/sessions', { session })
  await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('login_tickets').execute())
  assertRefused(await app.request('PUT', '/sessions', { json: { ticket, passkey } }), 401, 'ticket_invalid')
  assert.equal(await countIn(), before)
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ disabled_at: app.clock.now() }).execute())
  assertNotLoggedIn(app, await tryToLogIn(app, key), 'changed_meanwhile')
  assert.equal(await countIn(), before)
})

test('of two answers with the same count that are right at the same moment one logs in (R159)', async () => {
  await using app = await startTestApp()
  const key = securityKeyOf(app)
  await withPasskey(app, ANN, key)
  const passkeys = await Promise.all([1, 2, 3, 4].map(async () => key.get(await requestOptionsOf(app), { signCount: 9 })))
  const answers = await Promise.all(passkeys.map((passkey) => app.request('POST', '/sessions', { json: { passkey } })))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401, 401])
})

test('refused passkeys fill the log with one line of an address and minute, and throttle nobody (R041)', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app, ANN)
  const failures = async () => (await eventsNamed(app, 'authn_login_fail')).length
  for (let login = 0; login < 30; login++) assert.equal((await tryToLogIn(app, authenticator, { flags: { uv: false } })).status, 401)
  assert.equal(await failures(), 1)
  app.clock.advance(60)
  assert.equal((await tryToLogIn(app, authenticator, { flags: { uv: false } })).status, 401)
  assert.equal(await failures(), 2)
  assert.equal((await tryToLogIn(app, authenticator)).status, 200)
})

test('each kind of key logs in, and by its own signature alone (R154, R155)', async () => {
  await using app = await startTestApp()
  for (const key of GOOD_KEYS) {
    const [authenticator, email] = [authenticatorOf(app), `${key.toLowerCase()}@example.com`]
    assert.equal((await tryToAdd(app, await logInAs(app, email), { key }, authenticator)).status, 200)
    const forged: AssertionForge[] = [
      { sign: (data, sign) => flipBit(sign(data), 300) },
      { sign: (data, sign) => sign(append(data, 0)) },
      { sign: (data, sign) => Uint8Array.of(0, ...sign(data)) },
      // ECDSA has several spellings of a signature in any case; a challenge is good for one of them.
      ...(key === 'ES256' ? [] : [{ sign: (data: Bytes, sign: (data: Bytes) => Bytes) => append(sign(data), 0) }]),
    ]
    for (const [at, forge] of forged.entries()) {
      const refused = await tryToLogIn(app, authenticator, forge)
      assertNotLoggedIn(app, refused, String(reasonOf(app, refused)), `${key} ${at}`)
    }
    const login = await tryToLogIn(app, authenticator)
    assert.equal((await app.request('GET', '/account', { session: sessionOf(login) ?? '' })).json.email, email)
  }
})
