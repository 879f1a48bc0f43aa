import { generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { Cbor, CborEntry } from './cbor.ts'

/** The keys that a service offers to accept, in the names of the COSE registry. */
export const GOOD_KEYS = ['EdDSA', 'ES256', 'RS256'] as const

/** Keys that no service may accept (CHECKLIST R155). */
export const BAD_KEYS = [
  // Algorithms that nobody offered.
  'ES256K',
  'ES384',
  'RS1',
  'PS256',
  // Too weak: RSA of 1024 bits, and RSA whose exponent makes of every message its own signature.
  'RSA-1024',
  'RSA exponent 1',
  // What is no key: a point beside the curve, one of 31 bytes, the curve's neutral element in Ed25519, an algorithm of another kind of key.
  'off-curve point',
  'short point',
  'Ed25519 of order 1',
  'missing alg',
  'wrong kty',
  'wrong crv',
] as const

export type KeyKind = (typeof GOOD_KEYS)[number] | (typeof BAD_KEYS)[number]

export interface CoseKey {
  /** Of the COSE registry. */
  readonly alg: number
  /** RFC 9052 section 7, in the order of CTAP2. */
  readonly entries: readonly CborEntry[]
  /** As SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** As WebAuthn wants it: ECDSA in DER. */
  sign(data: Uint8Array): Uint8Array
}

const ALG: Readonly<Record<string, number>> = { ES256: -7, EdDSA: -8, ES384: -35, PS256: -37, ES256K: -47, RS256: -257, RS1: -65535 }
const LABEL = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, n: -1, e: -2 } as const
const KTY = { okp: 1, ec2: 2, rsa: 3 } as const
const CRV = { p256: 1, p384: 2, ed25519: 6, secp256k1: 8 } as const

export async function makeCoseKey(kind: KeyKind): Promise<CoseKey> {
  const key = await makeFamily(kind)
  return { ...key, entries: spoil(kind, key.entries) }
}

/** A key of the right family, before anything is broken in it. */
function makeFamily(kind: KeyKind): Promise<CoseKey> {
  switch (kind) {
    case 'EdDSA':
    case 'Ed25519 of order 1':
      return makeEd25519()
    case 'RS256':
    case 'PS256':
    case 'RS1':
      return makeRsa(kind, 2048)
    case 'RSA-1024':
      return makeRsa('RS256', 1024)
    case 'RSA exponent 1':
      return makeRsa('RS256', 2048)
    case 'ES384':
      return makeEc('ES384', 'P-384', CRV.p384)
    case 'ES256K':
      return makeEc('ES256K', 'secp256k1', CRV.secp256k1)
    default:
      return makeEc('ES256', 'P-256', CRV.p256)
  }
}

function spoil(kind: KeyKind, entries: readonly CborEntry[]): readonly CborEntry[] {
  switch (kind) {
    case 'missing alg':
      return entries.filter(([label]) => label !== LABEL.alg)
    case 'wrong kty':
      return replace(entries, LABEL.kty, KTY.okp)
    case 'wrong crv':
      return replace(entries, LABEL.crv, CRV.p384)
    case 'off-curve point':
      return replace(entries, LABEL.y, new Uint8Array(32).fill(1))
    case 'short point':
      return replace(entries, LABEL.x, new Uint8Array(31).fill(1))
    case 'Ed25519 of order 1':
      return replace(entries, LABEL.x, Uint8Array.of(1, ...new Uint8Array(31)))
    case 'RSA exponent 1':
      return replace(entries, LABEL.e, Uint8Array.of(1))
    default:
      return entries
  }
}

function replace(entries: readonly CborEntry[], label: number, value: Cbor): readonly CborEntry[] {
  return entries.map((entry) => (entry[0] === label ? [label, value] : entry))
}

async function makeEd25519(): Promise<CoseKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ed25519')
  const alg = numberOf('EdDSA')
  const entries: CborEntry[] = [
    [LABEL.kty, KTY.okp],
    [LABEL.alg, alg],
    [LABEL.crv, CRV.ed25519],
    [LABEL.x, part(publicKey, 'x')],
  ]
  return { alg, entries, spki: spkiOf(publicKey), sign: (data) => sign(null, data, privateKey) }
}

async function makeEc(name: string, namedCurve: string, crv: number): Promise<CoseKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve })
  const alg = numberOf(name)
  const entries: CborEntry[] = [
    [LABEL.kty, KTY.ec2],
    [LABEL.alg, alg],
    [LABEL.crv, crv],
    [LABEL.x, part(publicKey, 'x')],
    [LABEL.y, part(publicKey, 'y')],
  ]
  return { alg, entries, spki: spkiOf(publicKey), sign: (data) => sign(name === 'ES384' ? 'sha384' : 'sha256', data, privateKey) }
}

async function makeRsa(name: 'RS256' | 'PS256' | 'RS1', modulusLength: number): Promise<CoseKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength })
  const alg = numberOf(name)
  const entries: CborEntry[] = [
    [LABEL.kty, KTY.rsa],
    [LABEL.alg, alg],
    [LABEL.n, part(publicKey, 'n')],
    [LABEL.e, part(publicKey, 'e')],
  ]
  const hash = name === 'RS1' ? 'sha1' : 'sha256'
  // RFC 8230 section 2: PSS with a salt as long as the hash. 6 is RSA_PKCS1_PSS_PADDING.
  const key = name === 'PS256' ? { key: privateKey, padding: 6, saltLength: 32 } : privateKey
  return { alg, entries, spki: spkiOf(publicKey), sign: (data) => sign(hash, data, key) }
}

function numberOf(name: string): number {
  return ALG[name] ?? 0
}

function part(key: KeyObject, name: 'x' | 'y' | 'n' | 'e'): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url'))
}

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }))
}
