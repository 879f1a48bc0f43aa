import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError, type ErrorDetails } from '../errors.ts'
import { type Account, accountName, addressBucket, attemptBucket, originName } from './buckets.ts'
import { ADDRESS_LADDER, type Authenticator, LADDERS, type Ladder, SPRAYING } from './limits.ts'
import {
  type Counter,
  countFailure,
  deleteCountersOfAttempt,
  findBlockedUntil,
  findNewestNote,
  forgetSprayedAccount,
  noteSprayedAccount,
  uncountFailure,
} from './throttle-store.ts'

export type ThrottleDeps = Pick<Deps, 'database' | 'clock' | 'config' | 'keys'>

export interface Attempt {
  readonly authenticator: Authenticator
  readonly account: Account
  /** The browser presents a device cookie of this very user (device.ts). */
  readonly isKnownDevice: boolean
  readonly address: string | null
}

/** An attempt that may be evaluated. It counts as a failure until it is known to be none. */
export interface Reservation {
  /** Too many failures in a row: whatever is presented, refuse it as wrong, in the same time (CHECKLIST R040). */
  readonly isDisabled: boolean
  /** Failures in a row before this attempt, in its own bucket. */
  readonly earlierFailures: number
  readonly counters: readonly Counter[]
  readonly sprayed: { readonly origin: string; readonly account: string } | null
}

/**
 * Ask whether a secret may be tried, before anything is evaluated. In a transaction of its own, so that the count stays whatever happens to the request (CHECKLIST R047).
 * Users and addresses that nobody has are counted alike (R036, R038). A known device has a bucket of its own, and no address blocks it (R041).
 *
 * What is refused here counts nowhere and lengthens no wait (R039).
 *
 * @throws AuthError `too_many_attempts` - with the seconds until the next attempt is evaluated; the log knows which bucket
 */
export async function reserveAttempt(deps: ThrottleDeps, attempt: Attempt): Promise<Reservation> {
  const { authenticator, isKnownDevice, address } = attempt
  const account = accountName(deps.keys, attempt.account)
  const bucket = attemptBucket(authenticator, account, isKnownDevice)
  const countsAddress = deps.config.posture === 'hardened' && !isKnownDevice && address !== null
  const origin = countsAddress ? originName(deps.keys, address) : null
  const ladder = LADDERS[authenticator]
  const bucketName = `${authenticator} of ${isKnownDevice ? 'known devices' : 'the account'}`
  const now = deps.clock.now()
  const subject = 'userId' in attempt.account ? attempt.account.userId : null
  const counted = { bucket, subject, logged: bucketName }
  const byOrigin = (name: string) => ({ bucket: addressBucket(name), subject, logged: 'address' })
  const reserved = (counter: Counter, byAddress: Counter[]): Reservation => ({
    isDisabled: !isKnownDevice && ladder.disabledAt !== null && counter.count > ladder.disabledAt,
    earlierFailures: counter.count - 1,
    counters: [counter, ...byAddress],
    sprayed: origin === null ? null : { origin, account },
  })
  if (origin === null) return reserved(await countOrRefuse(deps, counted, ladder, now), [])
  return deps.database.inTransaction(async (tx) => {
    const counter = await countOrRefuse(tx, counted, ladder, now)
    // Always after the account, so that no two attempts wait for each other. From here on, one attempt of this address at a time.
    const byAddress = await countOrRefuse(tx, byOrigin(origin), ADDRESS_LADDER, now)
    await refuseSpraying(tx, { origin, account, now })
    return reserved(counter, [byAddress])
  })
}

/**
 * The same for a route where tokens of 256 bits are tried, whose owner is not known before: counted by address alone.
 *
 * @throws AuthError `too_many_attempts`
 */
export async function reserveTokenTry(deps: ThrottleDeps, address: string | null): Promise<Reservation> {
  const none = { isDisabled: false, earlierFailures: 0, counters: [], sprayed: null }
  if (deps.config.posture !== 'hardened' || address === null) return none
  const counted = { bucket: addressBucket(originName(deps.keys, address)), subject: null, logged: 'address' }
  const counter = await countOrRefuse(deps, counted, ADDRESS_LADDER, deps.clock.now())
  return { ...none, earlierFailures: counter.count - 1, counters: [counter] }
}

/** Within a transaction, or by one statement that is one. */
async function countOrRefuse(
  within: Db | Pick<Deps, 'database'>,
  { bucket, subject, logged }: { readonly bucket: string; readonly subject: string | null; readonly logged: string },
  ladder: Ladder,
  now: number,
): Promise<Counter> {
  const count = (db: Db) => countFailure(db, bucket, ladder, now)
  const counter = await ('database' in within ? within.database.writeOnce(count) : count(within))
  if (counter !== null) return counter
  throw tooMany(await findBlockedUntil('database' in within ? within.database.reads : within, bucket), now, {
    logged,
    audited: { bucket, subject },
  })
}

/** CHECKLIST R042: many accounts from one address, whatever succeeds in between. */
async function refuseSpraying(tx: Db, tried: { readonly origin: string; readonly account: string; readonly now: number }): Promise<void> {
  if (await noteSprayedAccount(tx, tried, SPRAYING)) return
  const newest = await findNewestNote(tx, tried.origin, tried.now, SPRAYING)
  const audited = { bucket: `spraying/${tried.origin}`, subject: null }
  throw tooMany(newest + SPRAYING.milliseconds, tried.now, { logged: 'spraying', audited })
}

/** At least one second: what closed the bucket may have been taken back meanwhile. */
function tooMany(blockedUntil: number, now: number, details: Pick<ErrorDetails, 'logged' | 'audited'>): AuthError {
  return new AuthError('too_many_attempts', { retryAfterSeconds: Math.max(1, Math.ceil((blockedUntil - now) / 1_000)), ...details })
}

/**
 * The attempt was no failure: within the transaction that completes it, the counters of this authenticator begin anew, and of no other (CHECKLIST R049).
 * A known device's success leaves the strangers' counter as it is, or guessing would go on behind every login. So does what stands in for an authenticator that is
 * disabled, a recovery code: that one stays so until it is bound anew (R040).
 */
export async function succeedAttempt(tx: Db, reservation: Reservation): Promise<void> {
  const [own, ...byAddress] = reservation.counters
  if (reservation.isDisabled && own) await uncountFailure(tx, own)
  await deleteCountersOfAttempt(tx, reservation.isDisabled ? byAddress : reservation.counters)
  if (reservation.sprayed !== null) await forgetSprayedAccount(tx, reservation.sprayed)
}

/** Nothing was evaluated, or what was evaluated was right and something else is at fault: the attempt does not count. */
export async function releaseAttempt(deps: Pick<Deps, 'database'>, reservation: Reservation): Promise<void> {
  if (reservation.counters.length === 0) return
  try {
    await deps.database.inTransaction(async (tx) => {
      for (const counter of reservation.counters) await uncountFailure(tx, counter)
      if (reservation.sprayed !== null) await forgetSprayedAccount(tx, reservation.sprayed)
    })
  } catch (error) {
    // The database cannot be written to: the attempt stays counted, and the caller's own refusal is the one to tell.
    if (!(error instanceof AuthError)) throw error
  }
}
