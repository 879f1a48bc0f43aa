import type { Db } from '../db/database.ts'
import type { Candidate } from './classic-import.ts'

/** Which of these addresses and ids belong to users already. */
export async function findTaken(db: Db, candidates: readonly Candidate[]) {
  const addresses = candidates.map(({ canonical }) => canonical)
  const ids = candidates.map(({ row }) => String(row.id))
  const byAddress =
    addresses.length === 0
      ? []
      : await db.selectFrom('users').select(['email_canonical', 'external_id']).where('email_canonical', 'in', addresses).execute()
  const byId = ids.length === 0 ? [] : await db.selectFrom('users').select('external_id').where('external_id', 'in', ids).execute()
  return {
    byAddress: new Map(byAddress.map((row) => [row.email_canonical, { externalId: row.external_id }])),
    externalIds: new Set(byId.map((row) => row.external_id)),
  }
}

/** All in one statement; the columns that are not named are null. Within the transaction that looked, nothing can have come between. */
export async function insertImportedUsers(
  tx: Db,
  users: readonly (Candidate & { readonly id: string; readonly externalId: string | null })[],
  now: Date,
): Promise<void> {
  if (users.length === 0) return
  const at = now.getTime()
  await tx
    .insertInto('users')
    .values(
      users.map((user) => ({
        id: user.id,
        external_id: user.externalId,
        email: user.row.email,
        email_canonical: user.canonical,
        password_hash: user.passwordHash,
        created_at: at,
        updated_at: at,
      })),
    )
    .execute()
}
