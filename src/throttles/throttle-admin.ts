import type { Initiator } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { bucketsOfUser } from './buckets.ts'
import { type Authenticator, LADDERS, SPRAYING } from './limits.ts'
import { deleteCounters, deleteEndedCounters, deleteOldSprayedAccounts, findCounters } from './throttle-store.ts'

/** What stands in the way of a user's next attempt. */
export interface ThrottleState {
  readonly authenticator: Authenticator
  /** Strangers, or the browsers that the user has logged in with before. */
  readonly from: 'strangers' | 'known_devices'
  /** In a row. */
  readonly failures: number
  readonly blockedUntil: Date | null
  /** No stranger is let in, however right what they present: until the authenticator is bound anew, or an operator unlocks it. */
  readonly disabled: boolean
}

/** One entry for each counter that is not at zero. */
export async function throttleStateOf(deps: Pick<Deps, 'database' | 'clock'>, userId: string): Promise<ThrottleState[]> {
  const now = deps.clock.now()
  const known = bucketsOfUser(userId)
  const buckets = known.map(({ bucket }) => bucket)
  const rows = await findCounters(deps.database.reads, buckets, now)
  return known.flatMap(({ authenticator, isDevice, bucket }) => {
    const row = rows.find((one) => one.bucket === bucket)
    if (!row) return []
    const { disabledAt } = LADDERS[authenticator]
    return {
      authenticator,
      from: isDevice ? 'known_devices' : 'strangers',
      failures: row.count,
      blockedUntil: row.blocked_until > now ? new Date(row.blocked_until) : null,
      disabled: !isDevice && disabledAt !== null && row.count >= disabledAt,
    }
  })
}

/** Every counter of a user begins anew: what an operator does for a user who is locked out, and what erasing a user leaves nothing of. */
export async function clearThrottlesIn(tx: Db, userId: string): Promise<void> {
  await deleteCounters(
    tx,
    bucketsOfUser(userId).map(({ bucket }) => bucket),
  )
}

export async function clearThrottles(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys'>,
  userId: string,
  by: Initiator,
): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    await clearThrottlesIn(tx, userId)
    await recordEvent(deps, tx, { ...by, name: 'user_unlocked', outcome: 'success', subject: userId })
  })
}

/** Within the transaction that binds a new password: nobody has failed on this one yet (CHECKLIST R040). */
export async function enablePassword(tx: Db, userId: string): Promise<void> {
  await deleteCounters(
    tx,
    bucketsOfUser(userId, ['password']).map(({ bucket }) => bucket),
  )
}

/** The same for mailed codes, when the mailbox was proved another way. */
export async function enableLoginCodes(tx: Db, userId: string): Promise<void> {
  await deleteCounters(
    tx,
    bucketsOfUser(userId, ['login_code']).map(({ bucket }) => bucket),
  )
}

/** The same for second factors, when one was bound anew. */
export async function enableSecondFactor(tx: Db, userId: string): Promise<void> {
  await deleteCounters(
    tx,
    bucketsOfUser(userId, ['second_factor']).map(({ bucket }) => bucket),
  )
}

/** Remove at most `limit` counters that count no more, and as many notes of sprayed accounts. @returns how many in all */
export async function removeEndedThrottles(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  const now = deps.clock.now()
  // A block lasts as long again as the notes that it is made of.
  return deps.database.inTransaction(
    async (tx) =>
      (await deleteEndedCounters(tx, now, limit)) + (await deleteOldSprayedAccounts(tx, now - 2 * SPRAYING.milliseconds, limit)),
  )
}
