import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2'
import { type Keyring, makeKeyring, versionNumber } from './keyring.ts'
import { legacyVerifier } from './legacy-hash.ts'

/** Cost of a new hash. */
export interface Argon2Parameters {
  readonly memoryKib: number
  readonly passes: number
  readonly parallelism: number
}

/** 256-bit tag (RFC 9106 section 3.1 wants at least 128; OWASP Password Storage and ASVS 5.0 V11.4.2, CHECKLIST R016). The salt is 16 bytes, drawn by the library. */
const TAG_BYTES = 32

/**
 * Upper bounds for hashes that come from elsewhere, so that one imported row cannot stop the service
 * (ASVS V15.2.2, CHECKLIST R024): 256 MiB, ten passes, four lanes.
 */
const ARGON2_MAX = { memoryKib: 262_144, passes: 10, parallelism: 4 } as const

const ARGON2_PATTERN =
  /^\$argon2(id|i|d)\$(?:v=(16|19)\$)?m=([1-9]\d{0,6}),t=([1-9]\d{0,2}),p=([1-9]\d{0,2})(?:,keyid=([A-Za-z0-9+/]{1,11}))?\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/

const NO_PEPPERS = makeKeyring([])

/**
 * A salted Argon2id hash as a PHC string; different at each call. The password is taken as it is:
 * Unicode normalisation is the caller's (passwords/password.ts). With a pepper, its newest version is Argon2's own secret input
 * (RFC 9106 section 3.1), and the string names it (CHECKLIST R025).
 */
export async function hashWithArgon2id(password: string, parameters: Argon2Parameters, peppers: Keyring = NO_PEPPERS): Promise<string> {
  const hash = await argon2Hash(Buffer.from(password), {
    memoryCost: parameters.memoryKib,
    timeCost: parameters.passes,
    parallelism: parameters.parallelism,
    outputLen: TAG_BYTES,
    ...(peppers.newest !== '' && { secret: peppers.key('pepper') }),
  })
  return hash.replace(/(,p=\d+)\$/, `$1${pepperParameter(peppers.newest)}$$`)
}

/** What a hash says of its pepper: the PHC string format's `keyid`, base64 without padding of the version; nothing where there is none. */
export function pepperParameter(version: string): string {
  return version === '' ? '' : `,keyid=${Buffer.from(version).toString('base64').replaceAll('=', '')}`
}

/**
 * A well-formed hash that no password has: the tag is 32 zero bytes. An unknown address is checked against it, at the cost that a known one
 * has (CHECKLIST R029).
 */
export function decoyHash({ memoryKib, passes, parallelism }: Argon2Parameters, peppers: Keyring = NO_PEPPERS): string {
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}${pepperParameter(peppers.newest)}$${'A'.repeat(22)}$${'A'.repeat(43)}`
}

/** How a stored hash is checked, or `null` where it is no hash, or one too costly to check. */
export interface StoredHash {
  /** Is it one of ours, with exactly these costs? If not, a wrong password is followed by the decoy. */
  costsLike(parameters: Argon2Parameters): boolean
  /** And with the pepper that new hashes get, or one that comes after it? If not, it is replaced at the next good login. */
  isCurrent(parameters: Argon2Parameters): boolean
  /** Never throws for a wrong password, only for a hash that turns out to be none. `typed` is as the user typed it, `normalised` is its NFC form. */
  verify(typed: string, normalised: string): Promise<boolean>
}

/** Read a stored hash: Argon2, bcrypt, scrypt, PBKDF2 (see legacy-hash.ts for the formats). One with a pepper is a hash only while that version is configured. */
export function readStoredHash(stored: string, peppers: Keyring = NO_PEPPERS): StoredHash | null {
  // Django writes its own name before the PHC string.
  const text = stored.startsWith('argon2$argon2') ? stored.slice('argon2'.length) : stored
  const match = ARGON2_PATTERN.exec(text)
  if (!match) {
    const verify = legacyVerifier(text)
    return verify && { costsLike: () => false, isCurrent: () => false, verify: (typed) => verify(typed) }
  }
  const [, variant, version, memory, passes, lanes, keyId] = match
  const cost = { memoryKib: Number(memory), passes: Number(passes), parallelism: Number(lanes) }
  if (cost.memoryKib > ARGON2_MAX.memoryKib || cost.passes > ARGON2_MAX.passes || cost.parallelism > ARGON2_MAX.parallelism) return null
  // RFC 9106 section 3.1: at least 8 KiB a lane.
  if (cost.memoryKib < 8 * cost.parallelism) return null
  const pepper = keyId === undefined ? '' : Buffer.from(keyId, 'base64').toString()
  if (keyId !== undefined && !peppers.versions.includes(pepper)) return null
  const costsLike = (wanted: Argon2Parameters) =>
    variant === 'id' &&
    version === '19' &&
    cost.memoryKib === wanted.memoryKib &&
    cost.passes === wanted.passes &&
    cost.parallelism === wanted.parallelism
  const secret = pepper === '' ? {} : { secret: peppers.key('pepper', pepper) }
  const bare = text.replace(`,keyid=${keyId}$`, '$')
  const verify = (password: string) => argon2Verify(bare, Buffer.from(password), secret)
  return {
    costsLike,
    isCurrent: (wanted) => costsLike(wanted) && isPepperCurrent(pepper, peppers.newest),
    // Ours are over NFC; a hash from elsewhere is over what was typed there.
    verify: async (typed, normalised) => (await verify(normalised)) || (typed !== normalised && (await verify(typed))),
  }
}

/** Never backwards: while processes with two orders of the same versions run side by side, they would take turns in hashing anew. */
function isPepperCurrent(pepper: string, newest: string): boolean {
  if (pepper === '' || newest === '') return pepper === newest
  return versionNumber(pepper) >= versionNumber(newest)
}
