import type { Selectable } from 'kysely'
import type { Db } from '../db/database.ts'
import type { PasskeysTable } from '../db/tables.ts'
import type { Passkey } from './passkey.ts'

export interface StoredPasskey extends Passkey {
  readonly userId: string
  readonly credentialId: Uint8Array
  readonly publicKey: Uint8Array
  readonly signCount: number
  readonly transports: readonly string[]
  readonly isBackupEligible: boolean
}

function toPasskey(row: Selectable<PasskeysTable>): StoredPasskey {
  return {
    id: row.id,
    userId: row.user_id,
    credentialId: row.credential_id,
    publicKey: row.public_key,
    signCount: row.sign_count,
    transports: row.transports === '' ? [] : row.transports.split(' '),
    isBackupEligible: row.backup_eligible === 1,
    isBackedUp: row.backed_up === 1,
    name: row.name,
    createdAt: new Date(row.created_at),
    lastUsedAt: row.last_used_at === null ? null : new Date(row.last_used_at),
  }
}

/** False: somebody has this credential already (CHECKLIST R157). */
export async function insertPasskey(tx: Db, passkey: Omit<StoredPasskey, 'lastUsedAt'>): Promise<boolean> {
  const row = await tx
    .insertInto('passkeys')
    .values({
      id: passkey.id,
      user_id: passkey.userId,
      credential_id: passkey.credentialId,
      public_key: passkey.publicKey,
      sign_count: passkey.signCount,
      backup_eligible: passkey.isBackupEligible ? 1 : 0,
      backed_up: passkey.isBackedUp ? 1 : 0,
      transports: passkey.transports.join(' '),
      name: passkey.name,
      created_at: passkey.createdAt.getTime(),
      last_used_at: null,
    })
    .onConflict((conflict) => conflict.column('credential_id').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

export async function findPasskey(db: Db, credentialId: Uint8Array): Promise<StoredPasskey | null> {
  const row = await db.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).executeTakeFirst()
  return row ? toPasskey(row) : null
}

/** The oldest first. */
export async function listPasskeysOf(db: Db, userId: string): Promise<StoredPasskey[]> {
  const rows = await db.selectFrom('passkeys').selectAll().where('user_id', '=', userId).orderBy('created_at').orderBy('id').execute()
  return rows.map(toPasskey)
}

/** The owner is part of the condition (CHECKLIST R247). */
export async function renamePasskeyRow(
  tx: Db,
  { userId, id, name }: { readonly userId: string; readonly id: string; readonly name: string },
): Promise<boolean> {
  const result = await tx.updateTable('passkeys').set({ name }).where('id', '=', id).where('user_id', '=', userId).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deletePasskeyRow(tx: Db, userId: string, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('passkeys').where('id', '=', id).where('user_id', '=', userId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** The count must rise, or be one of an authenticator that has none, and the passkey must still be there: of assertions that race, each is judged anew (CHECKLIST R159). */
export async function notePasskeyUse(
  tx: Db,
  use: { readonly id: string; readonly signCount: number; readonly isBackedUp: boolean; readonly at: Date },
): Promise<boolean> {
  const result = await tx
    .updateTable('passkeys')
    .set({ sign_count: use.signCount, backed_up: use.isBackedUp ? 1 : 0, last_used_at: use.at.getTime() })
    .where('id', '=', use.id)
    .where((is) => (use.signCount === 0 ? is('sign_count', '=', 0) : is('sign_count', '<', use.signCount)))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** The one that is there already, or this one (CHECKLIST R158). */
export async function putHandle(tx: Db, userId: string, handle: Uint8Array): Promise<Uint8Array> {
  await tx
    .insertInto('passkey_handles')
    .values({ user_id: userId, handle })
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .execute()
  return (await findHandle(tx, userId)) ?? handle
}

export async function findHandle(db: Db, userId: string): Promise<Uint8Array | null> {
  const row = await db.selectFrom('passkey_handles').select('handle').where('user_id', '=', userId).executeTakeFirst()
  return row?.handle ?? null
}
