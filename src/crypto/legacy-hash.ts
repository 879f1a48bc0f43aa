import { createHash, pbkdf2, type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { sameBytes } from './same-bytes.ts'

/**
 * Hashes that other systems wrote. They are verified, never written, and replaced by Argon2id at the first good login.
 * Costs are bounded (CHECKLIST R024): what is let through takes a few seconds at worst, on a busy machine, and 256 MiB; a row above that is no hash to us.
 */
type Verifier = (typed: string) => Promise<boolean>

/** 2^14 rounds: about 0.9 s. CONTRACT: above it the user is imported without a password. */
const BCRYPT_MAX_COST = 14
/** bcrypt reads no further; a longer password could match by its beginning, so it never does here (OWASP Password Storage, "Input Limits of bcrypt"; CHECKLIST R020). */
const BCRYPT_MAX_BYTES = 72
/** Django 6 writes 1.2 million. */
const PBKDF2_MAX_ITERATIONS = 3_000_000
const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const
const SCRYPT_MAX_BYTES = 256 * 1024 * 1024
const SCRYPT_MAX_PARALLELISM = 16
/** Lanes are worked through one after the other: this many bytes in all take a second or two. */
const SCRYPT_MAX_WORK = 512 * 1024 * 1024

const pbkdf2Async = promisify(pbkdf2)
const scryptAsync = promisify<string, Uint8Array | string, number, ScryptOptions, Buffer>(scrypt)

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
const DJANGO_BCRYPT = /^bcrypt(_sha256)?\$(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/
/** A salt that is text is no control and no half of a character: no database keeps those. */
const DJANGO_PBKDF2 = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,8})\$([^$\p{Cc}\p{Cs}]+)\$([A-Za-z0-9+/]+={0,2})$/u
const WERKZEUG_PBKDF2 = /^pbkdf2:(sha1|sha256|sha512):(\d{1,8})\$([^$\p{Cc}\p{Cs}]+)\$([0-9a-f]+)$/u
/** passlib's, with or without the PHC string's names, and base64 of either alphabet, padded or not. Without a digest it is SHA-1. */
const PHC_PBKDF2 = /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,8})(?:,l=\d{1,2})?\$([A-Za-z0-9+/.]+={0,2})\$([A-Za-z0-9+/.]+={0,2})$/
const DJANGO_SCRYPT = /^scrypt\$(\d{1,8})\$([^$\p{Cc}\p{Cs}]+)\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]+={0,2})$/u
const WERKZEUG_SCRYPT = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3})\$([^$\p{Cc}\p{Cs}]+)\$([0-9a-f]+)$/u
const PHC_SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/
/** Better Auth's `salt:key`. Its costs are not written down; they have been these since its first version. */
const BETTER_AUTH = /^([0-9a-f]{32}):([0-9a-f]{128})$/
const BETTER_AUTH_COST = { N: '16384', r: '16', p: '1' } as const

/** The verifier of a stored hash, or `null` for what is no such hash or costs too much. */
export function legacyVerifier(stored: string): Verifier | null {
  for (const read of [bcryptFormat, djangoBcryptFormat, pbkdf2Format, phcPbkdf2Format, scryptFormat, betterAuthFormat]) {
    const verifier = read(stored)
    if (verifier) return verifier
  }
  return null
}

function bcryptFormat(stored: string): Verifier | null {
  const match = BCRYPT.exec(stored)
  if (!match || Number(match[1]) < 4 || Number(match[1]) > BCRYPT_MAX_COST) return null
  return async (typed) => {
    if (Buffer.byteLength(typed) > BCRYPT_MAX_BYTES) return false
    // Loaded when the first such hash turns up: most services never meet one.
    const { verify } = await import('@node-rs/bcrypt')
    return verify(Buffer.from(typed), stored)
  }
}

/** `bcrypt$` is plain bcrypt; `bcrypt_sha256$` hashes the hexadecimal SHA-256 of the password. */
function djangoBcryptFormat(stored: string): Verifier | null {
  const match = DJANGO_BCRYPT.exec(stored)
  const inner = match?.[2] && bcryptFormat(match[2])
  if (!match || !inner) return null
  return match[1] ? (typed) => inner(createHash('sha256').update(typed).digest('hex')) : inner
}

/** The salt is used as the text it is. */
function pbkdf2Format(stored: string): Verifier | null {
  const django = DJANGO_PBKDF2.exec(stored)
  const [, digest, iterations, salt, tag] = django ?? WERKZEUG_PBKDF2.exec(stored) ?? []
  return pbkdf2Verifier(digest, iterations, salt, readTag(tag, django ? 'base64' : 'hex'))
}

/** The salt is bytes: passlib, and what a Keycloak export is written as. */
function phcPbkdf2Format(stored: string): Verifier | null {
  const match = PHC_PBKDF2.exec(stored)
  if (!match) return null
  const [, digest = 'sha1', iterations, salt = '', tag = ''] = match
  return pbkdf2Verifier(digest, iterations, Buffer.from(salt.replaceAll('.', '+'), 'base64'), readTag(tag.replaceAll('.', '+'), 'base64'))
}

function pbkdf2Verifier(
  digest: string | undefined,
  iterations: string | undefined,
  salt: string | Uint8Array | undefined,
  expected: Uint8Array | null,
): Verifier | null {
  if (!digest || !salt?.length || !expected || Number(iterations) < 1) return null
  // RFC 8018 section 5.2: each block of output is worked out by itself, with all iterations.
  const blocks = Math.ceil(expected.length / DIGEST_BYTES[digest as keyof typeof DIGEST_BYTES])
  if (Number(iterations) * blocks > PBKDF2_MAX_ITERATIONS) return null
  return async (typed) =>
    !endsInNul(typed) && sameBytes(await pbkdf2Async(typed, salt, Number(iterations), expected.length, digest), expected)
}

function scryptFormat(stored: string): Verifier | null {
  const django = DJANGO_SCRYPT.exec(stored)
  if (django) return scryptVerifier(django[1], django[3], django[4], django[2], readTag(django[5], 'base64'))
  const werkzeug = WERKZEUG_SCRYPT.exec(stored)
  if (werkzeug) return scryptVerifier(werkzeug[1], werkzeug[2], werkzeug[3], werkzeug[4], readTag(werkzeug[5], 'hex'))
  const phc = PHC_SCRYPT.exec(stored)
  if (!phc?.[4]) return null
  return scryptVerifier(2 ** Number(phc[1]), phc[2], phc[3], Buffer.from(phc[4], 'base64'), readTag(phc[5], 'base64'))
}

/** It normalises what is typed to NFKC, as no other origin does, and takes the salt's hexadecimal digits for the salt. */
function betterAuthFormat(stored: string): Verifier | null {
  const [, salt, key] = BETTER_AUTH.exec(stored) ?? []
  const { N, r, p } = BETTER_AUTH_COST
  const verify = scryptVerifier(N, r, p, salt, readTag(key, 'hex'))
  return verify && ((typed) => verify(typed.normalize('NFKC')))
}

function scryptVerifier(
  n: string | number | undefined,
  r: string | undefined,
  p: string | undefined,
  salt: string | Uint8Array | undefined,
  expected: Uint8Array | null,
): Verifier | null {
  const [N, blockSize, lanes] = [Number(n), Number(r), Number(p)]
  const memory = 128 * N * blockSize
  // RFC 7914 section 6: N is a power of two, above 1 and below 2^(128 * r / 8).
  const usableN = N > 1 && Number.isInteger(Math.log2(N)) && Math.log2(N) < 16 * blockSize
  if (
    !usableN ||
    blockSize < 1 ||
    lanes < 1 ||
    lanes > SCRYPT_MAX_PARALLELISM ||
    memory > SCRYPT_MAX_BYTES ||
    memory * lanes > SCRYPT_MAX_WORK ||
    !salt ||
    !expected
  )
    return null
  const options = { N, r: blockSize, p: lanes, maxmem: 2 * memory + 1024 * 1024 }
  return async (typed) => !endsInNul(typed) && sameBytes(await scryptAsync(typed, salt, expected.length, options), expected)
}

/** A tag of 16 to 64 bytes, else `null`: an empty one would match anything. */
function readTag(text: string | undefined, encoding: 'hex' | 'base64'): Uint8Array | null {
  const tag = Buffer.from(text ?? '', encoding)
  return tag.length >= 16 && tag.length <= 64 ? tag : null
}

/** HMAC pads a key with zero bytes, so `secret` and `secret` with a NUL behind it are one to it (RFC 2104 section 3); not to us. */
function endsInNul(typed: string): boolean {
  return typed.endsWith('\0')
}
