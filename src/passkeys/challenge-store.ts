import type { Db } from '../db/database.ts'

/** True for exactly one caller: the primary key decides. */
export async function insertUsedChallenge(db: Db, digest: string, expiresAt: number): Promise<boolean> {
  const row = await db
    .insertInto('used_challenges')
    .values({ challenge_hash: Buffer.from(digest, 'hex'), expires_at: expiresAt })
    .onConflict((conflict) => conflict.column('challenge_hash').doNothing())
    .returning('expires_at')
    .executeTakeFirst()
  return row !== undefined
}

/** @returns how many were there */
export async function deleteExpiredChallenges(tx: Db, now: number, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('used_challenges')
    .where('challenge_hash', 'in', (query) =>
      query.selectFrom('used_challenges').select('challenge_hash').where('expires_at', '<=', now).orderBy('expires_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
