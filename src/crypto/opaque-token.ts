import { hash } from 'node:crypto'
import type { Random } from './random.ts'

/** 256 bits from the system's generator: nothing to guess, nothing to throttle (OWASP ASVS 5.0 V7.2.3, V11.5.1; CHECKLIST R056). */
export const OPAQUE_TOKEN_BYTES = 32

/** 32 bytes in base64url are 43 characters, without padding. */
const OPAQUE_TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/

/** A new secret for a cookie or a link, with its digest, the only thing of it that is ever stored. */
export function makeOpaqueToken(random: Random): { readonly token: string; readonly tokenHash: TokenHash } {
  const token = Buffer.from(random.bytes(OPAQUE_TOKEN_BYTES)).toString('base64url')
  return { token, tokenHash: digestOf(token) }
}

/**
 * SHA-256 of a token: what the database holds and looks up (CHECKLIST R057, R092). A slow hash would add nothing to
 * 256 random bits. The look-up is by the digest, so its timing tells nothing about the token.
 *
 * `null` for anything that cannot be a token of ours, so that no look-up happens for it.
 */
export function hashOpaqueToken(token: unknown): TokenHash | null {
  if (typeof token !== 'string' || !OPAQUE_TOKEN_PATTERN.test(token)) return null
  return digestOf(token)
}

function digestOf(token: string): TokenHash {
  return hash('sha256', token, 'hex') as TokenHash
}

/** A token's digest in hexadecimal; the stores keep its 32 bytes. A type of its own, so that no token is stored in its place. */
export type TokenHash = string & { readonly brand: 'TokenHash' }

export function tokenHashBytes(tokenHash: TokenHash): Uint8Array {
  return Buffer.from(tokenHash, 'hex')
}
