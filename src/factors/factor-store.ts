import type { Db } from '../db/database.ts'
import type { Factors } from './factors.ts'

/** Counted in the rows themselves, at every call. `null`: no such user. */
export async function selectFactors(db: Db, userId: string): Promise<Factors | null> {
  const row = await db
    .selectFrom('users')
    .select((user) => [
      user('users.password_hash', 'is not', null).$castTo<number | boolean>().as('has_password'),
      user
        .selectFrom('totp_secrets')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('totp_secrets.user_id', '=', userId)
        .as('totp'),
      user
        .selectFrom('passkeys')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('passkeys.user_id', '=', userId)
        .as('passkeys'),
      user
        .selectFrom('recovery_codes')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('recovery_codes.user_id', '=', userId)
        .as('codes'),
    ])
    .where('users.id', '=', userId)
    .executeTakeFirst()
  if (!row) return null
  return {
    hasPassword: Boolean(row.has_password),
    hasTotp: Number(row.totp) > 0,
    passkeys: Number(row.passkeys),
    recoveryCodes: Number(row.codes),
  }
}

/** By an update that changes nothing: whoever changes factors of one user waits here for whoever else does (on PostgreSQL; SQLite has one writer). */
export async function lockUser(tx: Db, userId: string): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set((user) => ({ updated_at: user.ref('updated_at') }))
    .where('id', '=', userId)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteTicketsOf(tx: Db, userId: string): Promise<void> {
  await tx.deleteFrom('login_tickets').where('user_id', '=', userId).execute()
}

export async function deleteRecoveryCodesOf(tx: Db, userId: string): Promise<void> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  await tx.deleteFrom('recovery_code_sets').where('user_id', '=', userId).execute()
}

/** @returns how many passkeys and authenticator apps there were */
export async function deleteSecondFactorsOf(tx: Db, userId: string): Promise<{ readonly passkeys: number; readonly totp: number }> {
  const passkeys = await tx.deleteFrom('passkeys').where('user_id', '=', userId).executeTakeFirst()
  const totp = await tx.deleteFrom('totp_secrets').where('user_id', '=', userId).executeTakeFirst()
  await tx.deleteFrom('totp_enrolments').where('user_id', '=', userId).execute()
  await deleteRecoveryCodesOf(tx, userId)
  await deleteTicketsOf(tx, userId)
  return { passkeys: Number(passkeys.numDeletedRows), totp: Number(totp.numDeletedRows) }
}
