import { createPublicKey, type JsonWebKeyInput } from 'node:crypto'

/** COSE algorithms, the best liked first (WebAuthn Level 3 section 5.4.2; CHECKLIST R155): Ed25519, ECDSA on P-256, RSA. */
export const ALGORITHMS = [-8, -7, -257] as const

/** NIST SP 800-131A: RSA keys below 2048 bits are not to be used. */
const RSA_MIN_BITS = 2_048

/** Labels of a COSE key (RFC 9053 section 7); those below zero depend on the type. */
const KTY = 1
const ALG = 3

type CoseKey = { get(label: number): unknown }

/**
 * Can this key verify a signature of one of our algorithms? Its type must be the algorithm's, its point on the curve, its modulus long enough (CHECKLIST R155): a key that
 * cannot is refused when it is added, not when its owner wants to log in.
 */
export function isUsableKey(key: CoseKey): boolean {
  const jwk = jwkOf(key)
  if (jwk === null) return false
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' })
    return jwk.kty !== 'RSA' || (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_MIN_BITS
  } catch {
    return false
  }
}

function jwkOf(key: CoseKey): JsonWebKeyInput['key'] | null {
  const [kty, alg, first, second, third] = [KTY, ALG, -1, -2, -3].map((label) => key.get(label))
  const [a, b, c] = [first, second, third].map(text)
  if (alg === -8 && kty === 1 && first === 6 && b) return { kty: 'OKP', crv: 'Ed25519', x: b }
  if (alg === -7 && kty === 2 && first === 1 && b && c) return { kty: 'EC', crv: 'P-256', x: b, y: c }
  return alg === -257 && kty === 3 && a && b ? { kty: 'RSA', n: a, e: b } : null
}

function text(value: unknown): string | null {
  return value instanceof Uint8Array && value.length > 0 ? Buffer.from(value).toString('base64url') : null
}
