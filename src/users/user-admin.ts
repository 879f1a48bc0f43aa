import { countSessions } from '../db/session-counts.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { User } from './user.ts'
import { deleteResetTokensOf, deleteSessionsOf, deleteUserRow, selectUsers, setDisabled } from './user-store.ts'

/**
 * Stop a user from logging in. Every session and reset token ends in the same transaction, on every process at once (CHECKLIST R070).
 *
 * @throws AuthError `user_not_found`
 */
export async function disableUser(deps: Pick<Deps, 'database' | 'clock'>, userId: string): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    if (!(await setDisabled(tx, userId, new Date(deps.clock.now())))) throw new AuthError('user_not_found')
    countSessions(tx, 'user_disabled', await deleteSessionsOf(tx, userId))
    await deleteResetTokensOf(tx, userId)
  })
}

/** @throws AuthError `user_not_found` */
export async function enableUser(deps: Pick<Deps, 'database'>, userId: string): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    if (!(await setDisabled(tx, userId, null))) throw new AuthError('user_not_found')
  })
}

/**
 * Erase a user with everything that hangs on them.
 *
 * @throws AuthError `user_not_found`
 */
export async function deleteUser(deps: Pick<Deps, 'database'>, userId: string): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    if (!(await deleteUserRow(tx, userId))) throw new AuthError('user_not_found')
  })
}

/** One page of users by canonical address, beginning behind `after`. */
export function listUsers(
  deps: Pick<Deps, 'database'>,
  page: { readonly after: string | null; readonly limit: number },
): Promise<(User & { readonly canonical: string })[]> {
  return selectUsers(deps.database.reads, page)
}
