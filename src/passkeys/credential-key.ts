import { type AsymmetricKeyDetails, createPublicKey, type JsonWebKeyInput } from 'node:crypto'
import { isEd25519Point } from './ed25519-point.ts'

/** COSE algorithms, the best liked first (WebAuthn Level 3 section 5.4.2; CHECKLIST R155): Ed25519, ECDSA on P-256, RSA. */
export const ALGORITHMS = [-8, -7, -257] as const

/** NIST SP 800-131A: RSA keys below 2048 bits are not to be used. No authenticator makes longer ones than 4096, and what is longer only costs whoever verifies. */
const RSA_BITS = { min: 2_048, max: 4_096 } as const
/** FIPS 186-5 section A.1.1: above 2^16. With the exponent 1 every message is its own signature. OpenSSL does not compute with one above 64 bits and a long modulus. */
const RSA_EXPONENT = { min: 2n ** 16n + 1n, max: 2n ** 64n - 1n } as const

/** Labels of a COSE key (RFC 9053 section 7); those below zero depend on the type. */
const KTY = 1
const ALG = 3

type CoseKey = { get(label: number): unknown }

/**
 * Can this key verify a signature of one of our algorithms, and only its owner's? Its type must be the algorithm's, its point on the curve and of full order, its modulus
 * long enough, its exponent a usual one (CHECKLIST R155): another key is refused when it is added, not when its owner wants to log in.
 */
export function isUsableKey(key: CoseKey): boolean {
  const jwk = jwkOf(key)
  if (jwk === null) return false
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' })
    return jwk.kty !== 'RSA' || isUsableRsa(asymmetricKeyDetails)
  } catch {
    return false
  }
}

function isUsableRsa({ modulusLength: bits = 0, publicExponent: exponent = 0n }: AsymmetricKeyDetails = {}): boolean {
  const { min, max } = RSA_EXPONENT
  return bits >= RSA_BITS.min && bits <= RSA_BITS.max && exponent >= min && exponent <= max && exponent % 2n === 1n
}

function jwkOf(key: CoseKey): JsonWebKeyInput['key'] | null {
  const [kty, alg, first, second, third] = [KTY, ALG, -1, -2, -3].map((label) => key.get(label))
  const [a, b, c] = [first, second, third].map(text)
  if (alg === -8 && kty === 1 && first === 6 && b && second instanceof Uint8Array && isEd25519Point(second))
    return { kty: 'OKP', crv: 'Ed25519', x: b }
  if (alg === -7 && kty === 2 && first === 1 && b && c) return { kty: 'EC', crv: 'P-256', x: b, y: c }
  return alg === -257 && kty === 3 && a && b ? { kty: 'RSA', n: a, e: b } : null
}

function text(value: unknown): string | null {
  return value instanceof Uint8Array && value.length > 0 ? Buffer.from(value).toString('base64url') : null
}
