import type { Db } from '../db/database.ts'
import type { Candidate } from './import.ts'

/** What of a batch belongs to users already. */
export interface Taken {
  readonly byAddress: ReadonlyMap<string, { readonly externalId: string | null }>
  readonly externalIds: ReadonlySet<string | null>
}

export async function findTaken(db: Db, candidates: readonly Candidate[]): Promise<Taken> {
  const addresses = candidates.map(({ user }) => user.email.canonical)
  const ids = candidates.flatMap(({ user }) => user.externalId ?? [])
  const byAddress = await db
    .selectFrom('users')
    .select(['email_canonical', 'external_id'])
    .where('email_canonical', 'in', addresses)
    .execute()
  const byId = ids.length === 0 ? [] : await db.selectFrom('users').select('external_id').where('external_id', 'in', ids).execute()
  return {
    byAddress: new Map(byAddress.map((row) => [row.email_canonical, { externalId: row.external_id }])),
    externalIds: new Set(byId.map((row) => row.external_id)),
  }
}

/** All in one statement. @returns the ids of those who are in: the unique indexes keep out whose address or external id was taken meanwhile */
export async function insertImportedUsers(
  tx: Db,
  users: readonly (Candidate & { readonly id: string })[],
  now: Date,
): Promise<ReadonlySet<string>> {
  const at = now.getTime()
  const rows = await tx
    .insertInto('users')
    .values(
      users.map(({ id, user }) => ({
        id,
        external_id: user.externalId,
        email: user.email.address,
        email_canonical: user.email.canonical,
        // When it was verified there, nobody says.
        email_verified_at: user.emailVerified ? at : null,
        password_hash: user.passwordHash,
        name: user.name,
        metadata: user.metadata,
        disabled_at: user.disabled ? at : null,
        created_at: user.createdAt?.getTime() ?? at,
        updated_at: at,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute()
  return new Set(rows.map(({ id }) => id))
}
