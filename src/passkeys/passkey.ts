import type { Initiator } from '../audit/audit-event.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError, invalidField } from '../errors.ts'
import { factorRemoved, holdFactors } from '../factors/factors.ts'
import { parseName, type User } from '../users/user.ts'
import { deletePasskeyRow, listPasskeysOf, renamePasskeyRow } from './passkey-store.ts'

/** A passkey as its owner sees it. */
export interface Passkey {
  readonly id: string
  readonly name: string
  /** It has been copied to other devices of its owner. */
  readonly isBackedUp: boolean
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

type PasskeyDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>

export function listPasskeys(deps: Pick<Deps, 'database'>, userId: string): Promise<readonly Passkey[]> {
  return listPasskeysOf(deps.database.reads, userId)
}

/** @throws AuthError `field_invalid` - empty, longer than 64 characters, or with control characters */
export function parsePasskeyName(value: unknown): string {
  const name = parseName(typeof value === 'string' ? value.trim() : value)
  if (name === null) throw invalidField('name', 'The field "name" must not be empty.')
  return name
}

/** @throws AuthError `factor_not_found` - absent or somebody else's: callers cannot tell which */
export async function renamePasskey(
  deps: PasskeyDeps,
  passkey: { readonly userId: string; readonly id: string; readonly name: string },
): Promise<void> {
  const renamed = await deps.database.inTransaction((tx) => renamePasskeyRow(tx, passkey))
  if (!renamed) throw new AuthError('factor_not_found')
}

/**
 * Remove a passkey: it is refused from the next request on (CHECKLIST R164).
 *
 * @throws AuthError `factor_not_found` - absent or somebody else's
 * @throws AuthError `last_factor`
 */
export async function removePasskey(
  deps: PasskeyDeps,
  { user, id }: { readonly user: User; readonly id: string },
  by: Initiator,
  stillHolds: (tx: Db) => Promise<void>,
): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    await holdFactors(tx, user.id)
    await stillHolds(tx)
    if (!(await deletePasskeyRow(tx, user.id, id))) throw new AuthError('factor_not_found')
    await factorRemoved(deps, tx, { user, factor: 'passkey', by })
  })
}
