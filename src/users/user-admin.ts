import type { AuditEventName, Initiator } from '../audit/audit-event.ts'
import { forgetOriginsOf, recordEvent } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import { countSessions } from '../db/session-counts.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { clearThrottlesIn } from '../throttles/throttle-admin.ts'
import type { User } from './user.ts'
import { deleteProofsOf, deleteSessionsOf, deleteUserRow, deleteVerificationTokensOf, selectUsers, setDisabled } from './user-store.ts'

/**
 * Stop a user from logging in. Every session and reset token ends in the same transaction, on every process at once (CHECKLIST R070).
 *
 * @throws AuthError `user_not_found`
 */
export async function disableUser(deps: AdminDeps, userId: string, by: Initiator): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    if (!(await setDisabled(tx, userId, new Date(deps.clock.now())))) throw new AuthError('user_not_found')
    countSessions(tx, 'user_disabled', await deleteSessionsOf(tx, userId))
    await deleteProofsOf(tx, userId)
    await deleteVerificationTokensOf(tx, userId)
    await record(deps, tx, { name: 'user_disabled', userId, by })
  })
}

/** @throws AuthError `user_not_found` */
export async function enableUser(deps: AdminDeps, userId: string, by: Initiator): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    if (!(await setDisabled(tx, userId, null))) throw new AuthError('user_not_found')
    await record(deps, tx, { name: 'user_enabled', userId, by })
  })
}

/**
 * Erase a user within the caller's transaction, with everything that hangs on the row, and their counters. Of their events the log keeps the id, which is nobody's any
 * more, and forgets address and user agent at once, as it does with age (CHECKLIST R290): the chain stays whole. What is kept by their address is account/erase-user.ts's.
 *
 * @throws AuthError `user_not_found`
 */
export async function deleteUserIn(deps: AdminDeps, tx: Db, userId: string, by: Initiator): Promise<void> {
  if (!(await deleteUserRow(tx, userId))) throw new AuthError('user_not_found')
  await clearThrottlesIn(tx, userId)
  await record(deps, tx, { name: 'user_deleted', userId, by })
  await forgetOriginsOf(tx, userId)
}

type AdminDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys'>

async function record(
  deps: AdminDeps,
  tx: Db,
  { name, userId, by }: { readonly name: AuditEventName; readonly userId: string; readonly by: Initiator },
): Promise<void> {
  await recordEvent(deps, tx, { ...by, name, outcome: 'success', subject: userId })
}

/** One page of users by canonical address, beginning behind `after`. */
export function listUsers(
  deps: Pick<Deps, 'database'>,
  page: { readonly after: string | null; readonly limit: number },
): Promise<(User & { readonly canonical: string })[]> {
  return selectUsers(deps.database.reads, page)
}
