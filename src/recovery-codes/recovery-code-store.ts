import type { Db } from '../db/database.ts'

export interface CodeSet {
  readonly salt: string
  readonly cost: string
}

/** In place of every code that there was. */
export async function replaceCodes(
  tx: Db,
  codes: CodeSet & { readonly userId: string; readonly hashes: readonly string[]; readonly createdAt: Date },
): Promise<void> {
  const row = { salt: codes.salt, cost: codes.cost, created_at: codes.createdAt.getTime() }
  await tx.deleteFrom('recovery_codes').where('user_id', '=', codes.userId).execute()
  await tx
    .insertInto('recovery_code_sets')
    .values({ ...row, user_id: codes.userId })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
  await tx
    .insertInto('recovery_codes')
    .values(codes.hashes.map((code_hash) => ({ user_id: codes.userId, code_hash })))
    .execute()
}

export async function findCodeSet(db: Db, userId: string): Promise<CodeSet | null> {
  const row = await db.selectFrom('recovery_code_sets').select(['salt', 'cost']).where('user_id', '=', userId).executeTakeFirst()
  return row ?? null
}

export async function hasCode(db: Db, userId: string, codeHash: string): Promise<boolean> {
  const row = await db
    .selectFrom('recovery_codes')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('code_hash', '=', codeHash)
    .executeTakeFirst()
  return row !== undefined
}

/** True for exactly one caller (CHECKLIST R144). */
export async function takeCode(tx: Db, userId: string, codeHash: string): Promise<boolean> {
  const result = await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).where('code_hash', '=', codeHash).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function countCodes(db: Db, userId: string): Promise<number> {
  const row = await db
    .selectFrom('recovery_codes')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
