import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'

export interface StoredLoginCode {
  readonly userId: string
  readonly codeDigest: string
  readonly keyVersion: string
}

/** One a user: a newer code takes the earlier one's row. */
export async function putLoginCode(
  tx: Db,
  code: StoredLoginCode & { readonly tokenHash: TokenHash; readonly createdAt: Date; readonly expiresAt: Date },
): Promise<void> {
  const row = {
    code_digest: code.codeDigest,
    key_version: code.keyVersion,
    token_hash: tokenHashBytes(code.tokenHash),
    created_at: code.createdAt.getTime(),
    expires_at: code.expiresAt.getTime(),
  }
  await tx
    .insertInto('login_codes')
    .values({ ...row, user_id: code.userId })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
}

export async function findLoginCode(db: Db, userId: string, now: Date): Promise<StoredLoginCode | null> {
  const row = await db
    .selectFrom('login_codes')
    .select(['user_id', 'code_digest', 'key_version'])
    .where('user_id', '=', userId)
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return row ? { userId: row.user_id, codeDigest: row.code_digest, keyVersion: row.key_version } : null
}

export async function findUserOfLoginToken(db: Db, tokenHash: TokenHash, now: Date): Promise<string | null> {
  const row = await db
    .selectFrom('login_codes')
    .select('user_id')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return row?.user_id ?? null
}

/** True for exactly one caller. */
export async function takeLoginCode(
  tx: Db,
  code: { readonly userId: string } & ({ readonly codeDigest: string } | { readonly tokenHash: TokenHash }),
  now: Date,
): Promise<boolean> {
  const query = tx.deleteFrom('login_codes').where('user_id', '=', code.userId).where('expires_at', '>', now.getTime())
  const result = await ('codeDigest' in code
    ? query.where('code_digest', '=', code.codeDigest)
    : query.where('token_hash', '=', tokenHashBytes(code.tokenHash))
  ).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** @returns how many were there */
export async function deleteExpiredLoginCodes(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('login_codes')
    .where('user_id', 'in', (query) =>
      query.selectFrom('login_codes').select('user_id').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    // Once more: on PostgreSQL a newer code may have taken the row between the two.
    .where('expires_at', '<=', now.getTime())
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
