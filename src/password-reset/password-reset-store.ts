import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { EmailAddress } from '../users/email-address.ts'

/** One live token a user: a newer one takes the earlier one's row. */
export async function putResetToken(
  tx: Db,
  token: {
    readonly tokenHash: TokenHash
    readonly userId: string
    readonly createdAt: Date
    readonly expiresAt: Date
    readonly mailedTo: string | null
  },
): Promise<void> {
  const row = {
    token_hash: tokenHashBytes(token.tokenHash),
    created_at: token.createdAt.getTime(),
    expires_at: token.expiresAt.getTime(),
    mailed_to: token.mailedTo,
  }
  await tx
    .insertInto('reset_tokens')
    .values({ ...row, user_id: token.userId })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
}

export async function findResetToken(
  db: Db,
  tokenHash: TokenHash,
): Promise<{ userId: string; email: EmailAddress; expiresAt: Date } | null> {
  const row = await db
    .selectFrom('reset_tokens')
    .innerJoin('users', 'users.id', 'reset_tokens.user_id')
    .select(['users.id', 'users.email', 'users.email_canonical', 'reset_tokens.expires_at'])
    .where('reset_tokens.token_hash', '=', tokenHashBytes(tokenHash))
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst()
  return row ? { userId: row.id, email: { address: row.email, canonical: row.email_canonical }, expiresAt: new Date(row.expires_at) } : null
}

/** One statement decides who used it: for exactly one caller it says where the token was mailed to. */
export async function consumeResetToken(tx: Db, tokenHash: TokenHash, now: Date): Promise<{ mailedTo: string | null } | null> {
  const row = await tx
    .deleteFrom('reset_tokens')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .returning('mailed_to')
    .executeTakeFirst()
  return row ? { mailedTo: row.mailed_to } : null
}

export async function deleteResetTokenIfExpired(tx: Db, tokenHash: TokenHash, now: Date): Promise<void> {
  await tx.deleteFrom('reset_tokens').where('token_hash', '=', tokenHashBytes(tokenHash)).where('expires_at', '<=', now.getTime()).execute()
}

/** @returns how many were there */
export async function deleteExpiredResetTokens(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('reset_tokens')
    .where('user_id', 'in', (query) =>
      query.selectFrom('reset_tokens').select('user_id').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    // Once more: on PostgreSQL a newer token may have taken the row between the two.
    .where('expires_at', '<=', now.getTime())
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
