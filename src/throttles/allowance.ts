import type { Db } from '../db/database.ts'
import { originName, recipientName } from './buckets.ts'
import { WINDOWS, type Window } from './limits.ts'
import type { ThrottleDeps } from './throttle.ts'
import { countInWindow, uncountInWindow } from './throttle-store.ts'

/** What is allowed so often within a time, whoever asks and whether or not it succeeds. */
export type Allowed =
  /** A mail of one kind to one recipient, whether somebody has the address or not. */
  | { readonly what: 'mail_recipient'; readonly kind: string; readonly canonicalAddress: string }
  /** Mails that requests from one address cause. */
  | { readonly what: 'mail_origin'; readonly address: string | null }
  /** Registrations from one address. */
  | { readonly what: 'registration'; readonly address: string | null }

/**
 * Take one of what is left, if there is any (CHECKLIST R050, R051; the hardened posture alone). Within `tx` where it is given, else in a transaction of its own.
 *
 * @returns false: nothing is left, and nothing was taken
 */
export async function takeAllowance(deps: ThrottleDeps, allowed: Allowed, tx?: Db): Promise<boolean> {
  if (deps.config.posture !== 'hardened') return true
  const bucket = bucketOf(deps, allowed)
  if (bucket === null) return true
  const now = deps.clock.now()
  const take = (db: Db) => takeAll(db, bucket, WINDOWS[allowed.what], now)
  return tx ? take(tx) : deps.database.inTransaction(take)
}

function bucketOf({ keys }: ThrottleDeps, allowed: Allowed): string | null {
  if (allowed.what === 'mail_recipient') return `mail/${allowed.kind}/${recipientName(keys, allowed.canonicalAddress)}`
  return allowed.address === null ? null : `${allowed.what}/${originName(keys, allowed.address)}`
}

async function takeAll(tx: Db, bucket: string, windows: readonly Window[], now: number): Promise<boolean> {
  const taken: string[] = []
  for (const window of windows) {
    const name = `${bucket}/${window.name}`
    if (await countInWindow(tx, name, window, now)) taken.push(name)
    else {
      for (const earlier of taken) await uncountInWindow(tx, earlier)
      return false
    }
  }
  return true
}
