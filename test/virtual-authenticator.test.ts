import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type WebAuthnCredential,
} from '@simplewebauthn/server'
import { encodeCbor } from './cbor.ts'
import { BAD_KEYS, GOOD_KEYS } from './cose-key.ts'
import { type AssertionForge, append, type CreationForge, flipBit } from './forge.ts'
import { type Authenticator, type AuthenticatorOptions, makeAuthenticator } from './virtual-authenticator.ts'

const ORIGIN = 'http://localhost:5000'
const RP_ID = 'localhost'
const newAuthenticator = (more: Partial<AuthenticatorOptions> = {}) => makeAuthenticator({ origin: ORIGIN, rpId: RP_ID, ...more })

function creationOptions() {
  // Node's own registration options name ML-DSA first, which services here do not offer.
  return generateRegistrationOptions({ rpName: 'Test', rpID: RP_ID, userName: 'ann', supportedAlgorithmIDs: [-8, -7, -257] })
}

/** Makes a registration. @returns what asks the library about it, so that a refusal is the library's and not the authenticator's */
async function makeRegistration(authenticator: Authenticator, forge: CreationForge = {}) {
  const options = await creationOptions()
  const response = await authenticator.create(options, forge)
  const expected = { expectedChallenge: options.challenge, expectedOrigin: ORIGIN, expectedRPID: RP_ID }
  return () => verifyRegistrationResponse({ response, ...expected, supportedAlgorithmIDs: [-8, -7, -257] })
}

/** The same of a login. */
async function makeLogin(authenticator: Authenticator, credential: WebAuthnCredential, forge: AssertionForge = {}) {
  const options = await generateAuthenticationOptions({ rpID: RP_ID })
  const response = await authenticator.get(options, forge)
  const expected = { expectedChallenge: options.challenge, expectedOrigin: ORIGIN, expectedRPID: RP_ID }
  return () => verifyAuthenticationResponse({ response, ...expected, credential })
}

async function register(authenticator: Authenticator, forge: CreationForge = {}) {
  const { verified, registrationInfo } = await (await makeRegistration(authenticator, forge))()
  assert.ok(verified && registrationInfo)
  return registrationInfo
}

async function logIn(authenticator: Authenticator, credential: WebAuthnCredential, forge: AssertionForge = {}) {
  const { verified, authenticationInfo } = await (await makeLogin(authenticator, credential, forge))()
  assert.ok(verified)
  return authenticationInfo
}

/** In whichever way the library says no. */
async function isVerified(verify: () => Promise<{ readonly verified: boolean }>): Promise<boolean> {
  return verify().then(
    (answer) => answer.verified,
    () => false,
  )
}

test('a passkey of each kind is registered and logs in', async () => {
  for (const key of GOOD_KEYS) {
    const authenticator = newAuthenticator()
    const { credential, credentialDeviceType, credentialBackedUp, fmt } = await register(authenticator, { key })
    assert.deepEqual([credentialDeviceType, credentialBackedUp, fmt], ['multiDevice', true, 'none'])
    assert.equal((await logIn(authenticator, credential)).newCounter, 0)
    const flipped = await makeLogin(authenticator, credential, { sign: (data, sign) => flipBit(sign(data), 200) })
    assert.equal(await isVerified(flipped), false, key)
  }
})

test('a security key counts, and attests itself when told', async () => {
  const authenticator = newAuthenticator({ isHardware: true })
  const { credential, credentialDeviceType, fmt } = await register(authenticator, { fmt: 'packed' })
  assert.deepEqual([credentialDeviceType, fmt, credential.counter], ['singleDevice', 'packed', 1])
  assert.equal((await logIn(authenticator, credential)).newCounter, 2)
  assert.equal((await logIn(authenticator, credential)).newCounter, 3)
})

test('a passkey is found by its id, or as the newest of those that need none, and never by the wrong id', async () => {
  const authenticator = newAuthenticator()
  const [first, second] = [await authenticator.create(await creationOptions()), await authenticator.create(await creationOptions())]
  const [any, named] = [await generateAuthenticationOptions({ rpID: RP_ID }), { allowCredentials: [{ id: first.id }], rpID: RP_ID }]
  assert.equal((await authenticator.get(any)).id, second.id)
  assert.equal((await authenticator.get(await generateAuthenticationOptions(named))).id, first.id)
  assert.equal((await authenticator.get(any, { passkey: first.id })).id, first.id)
  authenticator.remove(first.id)
  await assert.rejects(authenticator.get(await generateAuthenticationOptions(named)), { name: 'NotAllowedError' })
})

test('as a browser it refuses another relying party, and a second passkey where one is excluded', async () => {
  const authenticator = newAuthenticator()
  const { id } = await authenticator.create(await creationOptions())
  const options = await creationOptions()
  const excluding = { ...options, excludeCredentials: [{ id, type: 'public-key' as const }] }
  await assert.rejects(authenticator.create(excluding), { name: 'InvalidStateError' })
  await authenticator.create(excluding, { ignoresExclusions: true })
  await assert.rejects(authenticator.create({ ...options, rp: { id: 'evil.example', name: 'Evil' } }), { name: 'SecurityError' })
})

/** Of these the library itself refuses every one; what it lets pass is a service's to refuse. */
const REFUSED_ASSERTIONS: Readonly<Record<string, AssertionForge>> = {
  'another type': { clientData: { type: 'webauthn.create' } },
  'another challenge': { clientData: { challenge: 'AAAA' } },
  'another origin': { clientData: { origin: 'https://evil.example' } },
  'no origin': { clientData: { origin: undefined } },
  'another relying party': { rpId: 'evil.example' },
  'no presence': { flags: { up: false } },
  'no verification': { flags: { uv: false } },
  'a backup of what cannot be backed up': { flags: { be: false, bs: true } },
  'an announced extension that is missing': { flags: { ed: true } },
  'bytes after the authenticator data': { beforeSigning: { authenticatorData: (bytes) => append(bytes, 0) } },
  'authenticator data cut short': { beforeSigning: { authenticatorData: (bytes) => bytes.slice(0, 36) } },
  'client data that is no JSON': { beforeSigning: { clientDataJSON: () => Buffer.from('{') } },
  'client data changed after signing': { afterSigning: { clientDataJSON: (bytes) => append(bytes, 0x20) } },
  'a counter changed after signing': { afterSigning: { authenticatorData: (bytes) => flipBit(bytes, 36 * 8 + 7) } },
  'a signature over something else': { sign: (_, sign) => sign(Buffer.from('else')) },
  'an empty signature': { sign: () => new Uint8Array() },
  'an id that is not the raw id': { rawId: 'AAAA' },
  'another type of credential': { type: 'password' },
}

/** Signed and sound all the same: the library lets these pass. */
const ACCEPTED_ASSERTIONS: Readonly<Record<string, AssertionForge>> = {
  'a page within a page': { clientData: { crossOrigin: true } },
  'more client data': { clientData: { extra: 1 } },
  'an unknown extension': { extensions: { entries: [['unknown', true]] } },
  'another counter': { signCount: 7 },
  'no user handle': { userHandle: null },
  'a foreign user handle': { userHandle: 'AAAA' },
  'an id of another passkey': { id: 'AAAA' },
}

test('what is forged in a login is forged, and nothing else', async () => {
  const authenticator = newAuthenticator()
  const { credential } = await register(authenticator)
  for (const [forges, verdict] of [[REFUSED_ASSERTIONS, false] as const, [ACCEPTED_ASSERTIONS, true] as const]) {
    for (const [what, forge] of Object.entries(forges)) {
      assert.equal(await isVerified(await makeLogin(authenticator, credential, forge)), verdict, what)
    }
  }
})

const REFUSED_CREATIONS: Readonly<Record<string, CreationForge>> = {
  'another type': { clientData: { type: 'webauthn.get' } },
  'another relying party': { rpId: new Uint8Array(32) },
  'no attested data announced': { flags: { at: false } },
  'a bad statement': { fmt: 'packed', sign: (data, sign) => flipBit(sign(data), 100) },
  'a statement without a signature': { fmt: 'packed', attStmt: ({ entries }) => ({ entries: entries.slice(0, 1) }) },
  'a statement where none belongs': { attStmt: () => ({ entries: [['sig', new Uint8Array(8)]] }) },
  'an unknown format': { fmt: 'unheard-of' },
  'bytes after the authenticator data': { beforeSigning: { authenticatorData: (bytes) => append(bytes, 0) } },
  'a key named twice': { cose: (entries) => [...entries, ...entries.slice(0, 1)] },
  'a field named twice': { attestation: (entries) => [...entries, ...entries.slice(0, 1)] },
  'an attestation object that is none': { attestationObject: () => encodeCbor('nothing') },
  'a long id cut short': { credentialId: new Uint8Array(2_000), afterSigning: { authenticatorData: (bytes) => bytes.slice(0, 500) } },
}

/** What the library lets pass, and a strict service does not. */
const ACCEPTED_CREATIONS: Readonly<Record<string, CreationForge>> = {
  'a page within another': { clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } },
  'bytes after the attestation object': { attestationObject: (bytes) => append(bytes, 0) },
  'one field more in it': { attestation: (entries) => [...entries, ['extra', 1]] },
  'a statement that is no map': { attStmt: () => 'text' },
  'another id than the attested one': { id: 'AAAA' },
}

test('what is forged in a registration is forged', async () => {
  for (const [forges, verdict] of [[REFUSED_CREATIONS, false] as const, [ACCEPTED_CREATIONS, true] as const]) {
    for (const [what, forge] of Object.entries(forges)) {
      assert.equal(await isVerified(await makeRegistration(newAuthenticator(), forge)), verdict, what)
    }
  }
  const credentialId = new Uint8Array(1_024).fill(7)
  const { credential, aaguid } = await register(newAuthenticator(), { credentialId, aaguid: new Uint8Array(16).fill(1) })
  assert.equal(credential.id, Buffer.from(credentialId).toString('base64url'))
  assert.equal(aaguid, '01010101-0101-0101-0101-010101010101')
})

test('a bad key of each kind can be made; those of an algorithm that was not offered the library refuses', async () => {
  const accepted: string[] = []
  for (const key of BAD_KEYS) {
    if (await isVerified(await makeRegistration(newAuthenticator(), { key }))) accepted.push(key)
  }
  // A registration without an attestation asks nothing of the key but its algorithm: the rest is for a service to refuse (CHECKLIST R155).
  assert.deepEqual(accepted, [
    'RSA-1024',
    'RSA exponent 1',
    'off-curve point',
    'short point',
    'Ed25519 of order 1',
    'wrong kty',
    'wrong crv',
  ])
})
