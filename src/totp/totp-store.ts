import type { Db } from '../db/database.ts'

export interface StoredTotp {
  readonly secret: string
  readonly lastStep: number
}

export interface TotpEnrolment {
  readonly boundTo: string
  readonly userId: string
  /** Sealed. */
  readonly secret: string
}

/** One a session or ticket: who begins again gets another secret, and the one before is gone. */
export async function putEnrolment(
  tx: Db,
  { boundTo, userId, secret, expiresAt }: TotpEnrolment & { readonly expiresAt: Date },
): Promise<void> {
  const row = { user_id: userId, secret, expires_at: expiresAt.getTime() }
  await tx
    .insertInto('totp_enrolments')
    .values({ ...row, bound_to: boundTo })
    .onConflict((conflict) => conflict.column('bound_to').doUpdateSet(row))
    .execute()
}

export async function findEnrolment(
  db: Db,
  { boundTo, userId, now }: { readonly boundTo: string; readonly userId: string; readonly now: Date },
): Promise<string | null> {
  const row = await db
    .selectFrom('totp_enrolments')
    .select('secret')
    .where('bound_to', '=', boundTo)
    .where('user_id', '=', userId)
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return row?.secret ?? null
}

/** True for exactly one caller. */
export async function takeEnrolment(tx: Db, { boundTo, userId, secret }: TotpEnrolment): Promise<boolean> {
  const result = await tx
    .deleteFrom('totp_enrolments')
    .where('bound_to', '=', boundTo)
    .where('user_id', '=', userId)
    .where('secret', '=', secret)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** In place of an earlier one. */
export async function putTotp(
  tx: Db,
  totp: {
    readonly userId: string
    readonly secret: string
    readonly keyVersion: string
    readonly lastStep: number
    readonly createdAt: Date
  },
): Promise<void> {
  const row = { secret: totp.secret, key_version: totp.keyVersion, last_step: totp.lastStep, created_at: totp.createdAt.getTime() }
  await tx
    .insertInto('totp_secrets')
    .values({ ...row, user_id: totp.userId })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
}

export async function findTotp(db: Db, userId: string): Promise<StoredTotp | null> {
  const row = await db.selectFrom('totp_secrets').select(['secret', 'last_step']).where('user_id', '=', userId).executeTakeFirst()
  return row ? { secret: row.secret, lastStep: row.last_step } : null
}

/** The step must rise, and the secret be the one that was looked at: of codes that race, one is accepted (CHECKLIST R136). */
export async function raiseLastStep(
  tx: Db,
  { userId, secret, step }: { readonly userId: string; readonly secret: string; readonly step: number },
): Promise<boolean> {
  const result = await tx
    .updateTable('totp_secrets')
    .set({ last_step: step })
    .where('user_id', '=', userId)
    .where('secret', '=', secret)
    .where('last_step', '<', step)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteTotp(tx: Db, userId: string): Promise<boolean> {
  const result = await tx.deleteFrom('totp_secrets').where('user_id', '=', userId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** What is sealed with one of these versions, by user, behind this one. */
export async function findSealedWith(
  db: Db,
  versions: readonly string[],
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<{ readonly userId: string; readonly secret: string }[]> {
  const rows = await db
    .selectFrom('totp_secrets')
    .select(['user_id', 'secret'])
    .where('key_version', 'in', versions)
    .where('user_id', '>', after)
    .orderBy('user_id')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ userId: row.user_id, secret: row.secret }))
}

/** The same secret, sealed anew. */
export async function replaceSealed(
  tx: Db,
  { userId, from, to, keyVersion }: { readonly userId: string; readonly from: string; readonly to: string; readonly keyVersion: string },
): Promise<void> {
  await tx
    .updateTable('totp_secrets')
    .set({ secret: to, key_version: keyVersion })
    .where('user_id', '=', userId)
    .where('secret', '=', from)
    .execute()
}

/** @returns how many were there */
export async function deleteExpiredEnrolments(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('totp_enrolments')
    .where('bound_to', 'in', (query) =>
      query.selectFrom('totp_enrolments').select('bound_to').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    .where('expires_at', '<=', now.getTime())
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
