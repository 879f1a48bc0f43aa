import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { EmailAddress } from '../users/email-address.ts'

/** A change that waits for the new address, and for the old one. */
export interface AddressChange {
  readonly id: string
  readonly userId: string
  readonly oldCanonical: string
  readonly next: EmailAddress
  readonly oldConfirmed: boolean
  readonly newConfirmed: boolean
}

type Row = {
  id: string
  user_id: string
  old_canonical: string
  new_email: string
  new_canonical: string
  old_confirmed_at: number | null
  new_confirmed_at: number | null
}

const COLUMNS = ['id', 'user_id', 'old_canonical', 'new_email', 'new_canonical', 'old_confirmed_at', 'new_confirmed_at'] as const

function toChange(row: Row): AddressChange {
  return {
    id: row.id,
    userId: row.user_id,
    oldCanonical: row.old_canonical,
    next: { address: row.new_email, canonical: row.new_canonical },
    oldConfirmed: row.old_confirmed_at !== null,
    newConfirmed: row.new_confirmed_at !== null,
  }
}

/** One a user: a newer wish takes the earlier one's row, and its tokens with it (CHECKLIST R117). */
export async function putAddressChange(
  tx: Db,
  change: Pick<AddressChange, 'id' | 'userId' | 'oldCanonical' | 'next'> & { readonly createdAt: Date; readonly expiresAt: Date },
): Promise<void> {
  const row = {
    id: change.id,
    old_canonical: change.oldCanonical,
    new_email: change.next.address,
    new_canonical: change.next.canonical,
    old_token_hash: null,
    new_token_hash: null,
    old_confirmed_at: null,
    new_confirmed_at: null,
    created_at: change.createdAt.getTime(),
    expires_at: change.expiresAt.getTime(),
  }
  await tx
    .insertInto('address_changes')
    .values({ ...row, user_id: change.userId })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
}

export async function findAddressChange(db: Db, id: string): Promise<AddressChange | null> {
  const row = await db.selectFrom('address_changes').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row ? toChange(row) : null
}

/** False: another wish has taken its place. */
export async function setAddressTokens(
  tx: Db,
  id: string,
  tokens: { readonly old: TokenHash; readonly next: TokenHash },
): Promise<boolean> {
  const result = await tx
    .updateTable('address_changes')
    .set({ old_token_hash: tokenHashBytes(tokens.old), new_token_hash: tokenHashBytes(tokens.next) })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/**
 * Use one of the two tokens: it is gone with the statement. The change as it is then, so that of two confirmations that race the later one
 * sees both.
 */
export async function confirmWithToken(tx: Db, side: 'old' | 'new', tokenHash: TokenHash, now: Date): Promise<AddressChange | null> {
  const query =
    side === 'old'
      ? tx
          .updateTable('address_changes')
          .set({ old_token_hash: null, old_confirmed_at: now.getTime() })
          .where('old_token_hash', '=', tokenHashBytes(tokenHash))
      : tx
          .updateTable('address_changes')
          .set({ new_token_hash: null, new_confirmed_at: now.getTime() })
          .where('new_token_hash', '=', tokenHashBytes(tokenHash))
  const row = await query.where('expires_at', '>', now.getTime()).returning(COLUMNS).executeTakeFirst()
  return row ? toChange(row) : null
}

export interface AddressUndo {
  readonly userId: string
  readonly old: EmailAddress
}

export async function insertAddressUndo(
  tx: Db,
  undo: AddressUndo & { readonly tokenHash: TokenHash; readonly createdAt: Date; readonly expiresAt: Date },
): Promise<void> {
  await tx
    .insertInto('address_undos')
    .values({
      token_hash: tokenHashBytes(undo.tokenHash),
      user_id: undo.userId,
      old_email: undo.old.address,
      old_canonical: undo.old.canonical,
      created_at: undo.createdAt.getTime(),
      expires_at: undo.expiresAt.getTime(),
    })
    .execute()
}

/** For exactly one caller. The user's other ways back end with it: they lead to addresses that came later. */
export async function takeAddressUndo(tx: Db, tokenHash: TokenHash, now: Date): Promise<AddressUndo | null> {
  const row = await tx
    .deleteFrom('address_undos')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .returning(['user_id', 'old_email', 'old_canonical', 'created_at'])
    .executeTakeFirst()
  if (!row) return null
  await tx.deleteFrom('address_undos').where('user_id', '=', row.user_id).where('created_at', '>=', row.created_at).execute()
  return { userId: row.user_id, old: { address: row.old_email, canonical: row.old_canonical } }
}

/** @returns how many were there */
export async function deleteExpiredAddressChanges(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('address_changes')
    .where('user_id', 'in', (query) =>
      query.selectFrom('address_changes').select('user_id').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    // Once more: on PostgreSQL a newer wish may have taken the row between the two.
    .where('expires_at', '<=', now.getTime())
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** @returns how many were there */
export async function deleteExpiredAddressUndos(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('address_undos')
    .where('token_hash', 'in', (query) =>
      query.selectFrom('address_undos').select('token_hash').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
