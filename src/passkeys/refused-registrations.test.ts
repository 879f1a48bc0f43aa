import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CborEntry, encodeCbor } from '../../test/cbor.ts'
import { BAD_KEYS, GOOD_KEYS } from '../../test/cose-key.ts'
import { append, type Bytes, type CreationForge, flipBit } from '../../test/forge.ts'
import { assertNotAdded, logInAs, storedIn, tryToAdd } from '../../test/passkey-attempts.ts'
import { startTestApp } from '../../test/test-app.ts'

const ORIGINS = [
  'https://evil.example',
  'https://localhost.evil.example',
  'https://localhost:5000',
  'http://localhost',
  'http://localhost:5001',
]
const OTHER_ORIGINS = [
  ...ORIGINS,
  'http://sub.localhost:5000',
  'http://LOCALHOST:5000',
  'http://localhost:5000/',
  'null',
  '',
  null,
  ['http://localhost:5000'],
]

/** Each of them tried with a session whose owner may add a passkey; all of them refused in the same words, and nothing is stored. */
async function assertAllRefused(attempts: readonly (readonly [what: string, reason: string, forge: CreationForge])[]): Promise<void> {
  await using app = await startTestApp()
  const session = await logInAs(app, 'ann@example.com')
  // It begins by making her handle.
  assert.equal((await app.request('POST', '/passkeys/options', { session })).status, 200)
  const before = await storedIn(app)
  for (const [what, reason, forge] of attempts) assertNotAdded(app, await tryToAdd(app, session, forge), reason, what)
  assert.deepEqual(await storedIn(app), before)
  assert.equal((await tryToAdd(app, session)).status, 200)
}

const insertText = (text: string) => (bytes: Bytes) => Buffer.from(Buffer.from(bytes).toString().replace('{', `{${text}`))
const clientDataJSON = (change: (bytes: Bytes) => Bytes): CreationForge => ({ beforeSigning: { clientDataJSON: change } })
const authenticatorData = (change: (bytes: Bytes) => Bytes): CreationForge => ({ beforeSigning: { authenticatorData: change } })

test('a passkey made in another ceremony is refused (R149)', () =>
  assertAllRefused(
    ['webauthn.get', 'webauthn.Create', 'webauthn.create ', 'payment.create', '', undefined, ['webauthn.create']].map((type) => [
      `${type}`,
      'another ceremony',
      { clientData: { type } },
    ]),
  ))

test('a passkey made at any other origin is refused: no suffix, no port, no spelling passes (R150)', () =>
  assertAllRefused(OTHER_ORIGINS.map((origin) => [`${origin}`, 'another origin', { clientData: { origin } }])))

test('a passkey made in a frame of another site is refused, whatever it says of that site (R151)', () =>
  assertAllRefused([
    ['crossOrigin', 'cross-origin', { clientData: { crossOrigin: true } }],
    ['both', 'cross-origin', { clientData: { crossOrigin: true, topOrigin: 'http://localhost:5000' } }],
    ['a word', 'cross-origin', { clientData: { crossOrigin: 'false' } }],
    ['null', 'cross-origin', { clientData: { crossOrigin: null } }],
    ['topOrigin', 'within another origin', { clientData: { topOrigin: 'http://localhost:5000' } }],
    ['topOrigin alone', 'within another origin', { clientData: { crossOrigin: undefined, topOrigin: 'https://evil.example' } }],
  ]))

test('a passkey of another relying party is refused (R152)', () =>
  assertAllRefused(
    ['evil.example', 'sub.localhost', 'localhost:5000', '127.0.0.1', '', new Uint8Array(32)].map((rpId) => [
      `${rpId}`,
      'unverifiable',
      { rpId },
    ]),
  ))

test('a passkey that nobody touched, or whose user was not verified, is refused, and one that is backed up but cannot be (R153)', () =>
  assertAllRefused([
    ['no user present', 'unverifiable', { flags: { up: false } }],
    ['no user verified', 'unverifiable', { flags: { uv: false } }],
    ['neither', 'unverifiable', { flags: { up: false, uv: false } }],
    ['backed up without being eligible', 'unverifiable', { flags: { be: false, bs: true } }],
    ['no credential announced', 'unverifiable', { flags: { at: false } }],
    ['extensions announced and not there', 'unverifiable', { flags: { ed: true } }],
  ]))

test('a key that nobody offered, or that is weak, or that is no key, is refused (R155)', async () => {
  // What the library takes, and only this service refuses.
  const ours = ['RSA-1024', 'RSA exponent 1', 'off-curve point', 'short point', 'Ed25519 of order 1', 'wrong kty', 'wrong crv']
  await assertAllRefused(BAD_KEYS.map((key) => [key, ours.includes(key) ? 'unusable key' : 'unverifiable', { key }]))
})

const LOW = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
const replace = (label: number, value: Uint8Array) => (entries: readonly CborEntry[]) =>
  entries.map((entry): CborEntry => (entry[0] === label ? [label, value] : entry))

test('an Ed25519 key of low order, beside the curve, too long or of another curve is refused, and RSA with another exponent (R155)', () =>
  assertAllRefused([
    ['order 8', 'unusable key', { key: 'EdDSA', cose: replace(-2, Buffer.from(LOW, 'hex')) }],
    ['order 4', 'unusable key', { key: 'EdDSA', cose: replace(-2, new Uint8Array(32)) }],
    ['no point', 'unusable key', { key: 'EdDSA', cose: replace(-2, Uint8Array.of(2, ...new Uint8Array(31))) }],
    ['33 bytes', 'unusable key', { key: 'EdDSA', cose: (entries) => replace(-2, new Uint8Array(33).fill(9))(entries) }],
    ['no bytes', 'unusable key', { key: 'EdDSA', cose: replace(-2, new Uint8Array(0)) }],
    ['X25519', 'unusable key', { key: 'EdDSA', cose: (entries) => entries.map(([label, value]) => [label, label === -1 ? 4 : value]) }],
    ['exponent 3', 'unusable key', { key: 'RS256', cose: replace(-2, Uint8Array.of(3)) }],
    ['exponent even', 'unusable key', { key: 'RS256', cose: replace(-2, Uint8Array.of(1, 0, 2)) }],
    ['exponent of 65 bits', 'unusable key', { key: 'RS256', cose: replace(-2, Uint8Array.of(1, ...new Uint8Array(7), 1)) }],
    ['modulus of 4104 bits', 'unusable key', { key: 'RS256', cose: replace(-1, new Uint8Array(513).fill(255)) }],
    [
      'another key’s algorithm',
      'unusable key',
      { key: 'ES256', cose: (entries) => entries.map(([label, value]) => [label, label === 3 ? -8 : value]) },
    ],
  ]))

test('an id that is not the one in the authenticator data, or not as it is written, is refused (R154)', () =>
  assertAllRefused([
    ['another', 'another credential id in the authenticator data', { id: Buffer.alloc(32, 7).toString('base64url') }],
    ['not the raw id', 'unverifiable', { rawId: Buffer.alloc(32, 7).toString('base64url') }],
    ['padded', 'credential id', { id: `${Buffer.alloc(32, 7).toString('base64url')}=` }],
    ['empty', 'credential id', { id: '' }],
    ['1024 bytes', 'credential id', { credentialId: Buffer.alloc(1_024, 7) }],
  ]))

test('client data is read strictly: no key twice, nothing before or behind it, no other bytes (R161)', () => {
  const wrong = 'client data is no object with a challenge'
  return assertAllRefused([
    ['a key twice', wrong, clientDataJSON(insertText('"origin":"https://evil.example",'))],
    ['a key twice, once escaped', wrong, clientDataJSON(insertText('"\\u0074ype":"webauthn.get",'))],
    ['a byte order mark', wrong, clientDataJSON((bytes) => Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes))],
    ['bytes behind it', wrong, clientDataJSON((bytes) => append(bytes, 0))],
    ['another object behind it', wrong, clientDataJSON((bytes) => Buffer.concat([bytes, bytes]))],
    ['no UTF-8', wrong, clientDataJSON(() => Uint8Array.of(0x22, 0xff, 0x22))],
    ['a list', wrong, clientDataJSON(() => Buffer.from('[]'))],
    ['null', wrong, clientDataJSON(() => Buffer.from('null'))],
    ['nothing', wrong, clientDataJSON(() => new Uint8Array(0))],
    ['deep', wrong, clientDataJSON(() => Buffer.from('['.repeat(40_000)))],
  ])
})

const attestation = (entries: (right: readonly CborEntry[]) => readonly CborEntry[]): CreationForge => ({ attestation: entries })
const whole = (change: (bytes: Bytes) => Bytes): CreationForge => ({ attestationObject: change })
/** The authenticator data's length, one byte for two. */
const longLength = (bytes: Bytes): Bytes => {
  const at = Buffer.from(bytes).indexOf('authData') + 8
  return Buffer.concat([bytes.slice(0, at), Uint8Array.of(0x59, 0, bytes[at + 1] ?? 0), bytes.slice(at + 2)])
}
const longerThanItIs = (bytes: Bytes): Bytes => {
  const at = Buffer.from(bytes).indexOf('authData') + 9
  return bytes.map((byte, index) => (index === at ? byte + 1 : byte))
}

test('an attestation object is read strictly: three members, each once, of its type, and as long as it says (R161)', () => {
  const wrong = 'attestation object'
  return assertAllRefused([
    ['bytes behind it', wrong, whole((bytes) => append(bytes, 0))],
    ['an object behind it', wrong, whole((bytes) => append(bytes, 0xa0))],
    ['shorter than it says', wrong, whole(longerThanItIs)],
    ['a length longer than it need be', wrong, whole(longLength)],
    ['a member more', wrong, attestation((entries) => [...entries, ['epAtt', true]])],
    ['a member less', wrong, attestation((entries) => entries.slice(0, 2))],
    ['no statement', wrong, attestation(([fmt, , data]) => [fmt as CborEntry, ['attStmt', null], data as CborEntry])],
    ['a statement of text', wrong, { attStmt: () => 'none' }],
    ['a format of bytes', wrong, attestation((entries) => entries.map(([key, value]) => [key, key === 'fmt' ? new Uint8Array(4) : value]))],
    [
      'text for authenticator data',
      wrong,
      attestation((entries) => entries.map(([key, value]) => [key, key === 'authData' ? 'x' : value])),
    ],
    ['a list', wrong, whole(() => encodeCbor([1, 2, 3]))],
    ['nothing', wrong, whole(() => new Uint8Array(0))],
    ['cut off', 'unverifiable', whole((bytes) => bytes.slice(0, 20))],
    ['a key twice', 'unverifiable', attestation((entries) => [...entries, ['fmt', 'none']])],
    ['40 000 levels deep', 'unverifiable', whole(() => new Uint8Array(40_000).fill(0x81))],
    ['a list without end', 'unverifiable', whole(() => Uint8Array.of(0x9f, 1, 1))],
    ['four thousand million members', 'unverifiable', whole(() => Uint8Array.of(0x9a, 255, 255, 255, 255, 1))],
    ['a string of four thousand million bytes', wrong, whole(() => Uint8Array.of(0x5a, 255, 255, 255, 255, 1))],
  ])
})

test('authenticator data is read strictly, to its last byte (R161)', () =>
  assertAllRefused([
    ['bytes behind the key', 'unverifiable', authenticatorData((bytes) => append(bytes, 0))],
    ['cut off in the key', 'unverifiable', { key: 'ES256', ...authenticatorData((bytes) => bytes.slice(0, -40)) }],
    ['a string of the key cut off', 'key in another spelling', authenticatorData((bytes) => bytes.slice(0, -1))],
    ['cut off before the id', 'unverifiable', authenticatorData((bytes) => bytes.slice(0, 54))],
    ['36 bytes', 'unverifiable', authenticatorData((bytes) => bytes.slice(0, 36))],
    ['an id longer than everything', 'unverifiable', authenticatorData((bytes) => flipBit(bytes, 53 * 8))],
    ['a label of the key twice', 'unverifiable', { cose: (entries) => [...entries, ...entries.slice(0, 1)] }],
    ['a key that is no map', 'unverifiable', authenticatorData((bytes) => Buffer.concat([bytes.slice(0, 87), encodeCbor([1])]))],
    ['extensions that are no map', 'unverifiable', { extensions: [1, 2] }],
  ]))

test('each algorithm that is offered is taken (R155)', async () => {
  await using app = await startTestApp()
  for (const key of GOOD_KEYS) {
    const answer = await tryToAdd(app, await logInAs(app, `${key.toLowerCase()}@example.com`), { key })
    assert.equal(answer.status, 200, answer.text)
  }
})
