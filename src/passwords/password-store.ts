import type { Db } from '../db/database.ts'
import type { ProvenPassword } from './check-password.ts'

/** The only place that hands out password hashes, and only to password.ts. */
export interface StoredPassword {
  readonly userId: string
  readonly hash: string | null
  readonly disabled: boolean
  readonly verified: boolean
}

export async function findPassword(
  db: Db,
  by: { readonly emailCanonical: string } | { readonly userId: string },
): Promise<StoredPassword | null> {
  const query = db.selectFrom('users').select(['id', 'password_hash', 'disabled_at', 'email_verified_at'])
  const row = await ('userId' in by
    ? query.where('id', '=', by.userId)
    : query.where('email_canonical', '=', by.emailCanonical)
  ).executeTakeFirst()
  return row
    ? { userId: row.id, hash: row.password_hash, disabled: row.disabled_at !== null, verified: row.email_verified_at !== null }
    : null
}

/** @returns the user's address, for the word to its owner */
export async function setPasswordHash(tx: Db, userId: string, hash: string, now: Date): Promise<string | null> {
  const row = await tx
    .updateTable('users')
    .set({ password_hash: hash, password_changed_at: now.getTime(), updated_at: now.getTime() })
    .where('id', '=', userId)
    .returning('email')
    .executeTakeFirst()
  return row?.email ?? null
}

export async function clearPasswordHash(tx: Db, userId: string, now: Date): Promise<void> {
  await tx.updateTable('users').set({ password_hash: null, updated_at: now.getTime() }).where('id', '=', userId).execute()
}

/** Compare and swap: only if the hash that was checked is still the one stored. The password stays the same, so its date does. */
export async function swapPasswordHash(tx: Db, userId: string, { checkedHash, betterHash }: ProvenPassword): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({ password_hash: betterHash ?? checkedHash })
    .where('id', '=', userId)
    .where('password_hash', '=', checkedHash)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
