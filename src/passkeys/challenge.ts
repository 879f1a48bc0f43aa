import { keyedDigest } from '../crypto/keyring.ts'
import { sameText } from '../crypto/same-bytes.ts'
import type { Deps } from '../deps.ts'
import { deleteExpiredChallenges, insertUsedChallenge } from './challenge-store.ts'

/** WebAuthn Level 3 section 15.1 recommends 300 to 600 seconds (CHECKLIST R148). */
export const CHALLENGE_SECONDS = 300
/** 128 bits; the digest behind them cannot be guessed either. */
const RANDOM_BYTES = 16
const EXPIRY_BYTES = 6

/** What a challenge was made for. One that was made for another ceremony, session or login is none (CHECKLIST R148). */
export interface Ceremony {
  readonly kind: 'create' | 'get'
  /** The session, ticket, or `login`: whoever asks to log in and has not said who they are. */
  readonly boundTo: string
}

type ChallengeDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys'>

/**
 * A new challenge: when it ends, random bytes, and a digest of both and of the ceremony under the secret's key. It says by itself that it is ours, so that none has to be
 * stored before it comes back, and a login page that anybody opens writes nothing (docs/adr/0018-passkeys.md).
 */
export function makeChallenge(deps: Pick<Deps, 'clock' | 'random' | 'keys'>, ceremony: Ceremony): string {
  const head = Buffer.alloc(EXPIRY_BYTES + RANDOM_BYTES)
  head.writeUIntBE(deps.clock.now() + CHALLENGE_SECONDS * 1_000, 0, EXPIRY_BYTES)
  head.set(deps.random.bytes(RANDOM_BYTES), EXPIRY_BYTES)
  return Buffer.concat([head, Buffer.from(digestOf(deps, head, ceremony, deps.keys.newest), 'hex')]).toString('base64url')
}

function digestOf({ keys }: Pick<Deps, 'keys'>, head: Buffer, { kind, boundTo }: Ceremony, version: string): string {
  return keyedDigest(keys, 'passkey-challenge', `${kind} ${boundTo} ${head.toString('hex')}`, version)
}

/**
 * Use a challenge up: true once, for the one who presents it first, whatever comes of the verification (CHECKLIST R148). What is kept until it would have expired is its digest.
 * One that is not ours, is over, or was made for something else leaves no trace.
 *
 * @throws AuthError `unavailable`
 */
export async function useChallenge(deps: ChallengeDeps, challenge: string, ceremony: Ceremony): Promise<boolean> {
  const bytes = Buffer.from(challenge, 'base64url')
  if (bytes.toString('base64url') !== challenge || bytes.length !== EXPIRY_BYTES + RANDOM_BYTES + 32) return false
  const head = bytes.subarray(0, EXPIRY_BYTES + RANDOM_BYTES)
  const mac = bytes.subarray(head.length).toString('hex')
  const isOurs = deps.keys.versions.some((version) => sameText(digestOf(deps, head, ceremony, version), mac))
  const expiresAt = head.readUIntBE(0, EXPIRY_BYTES)
  const now = deps.clock.now()
  // One that ends later than any can is from a clock that was wrong.
  if (!isOurs || expiresAt <= now || expiresAt > now + CHALLENGE_SECONDS * 1_000) return false
  return deps.database.writeOnce((db) => insertUsedChallenge(db, mac, expiresAt))
}

/** Remove at most `limit` used challenges that would have expired by now. @returns how many */
export async function removeExpiredChallenges(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredChallenges(tx, deps.clock.now(), limit))
}
