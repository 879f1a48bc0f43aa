import type { Selectable } from 'kysely'
import type { Db } from '../db/database.ts'
import type { UsersTable } from '../db/tables.ts'
import { AuthError } from '../errors.ts'
import type { EmailAddress } from './email-address.ts'
import type { NewUser, User } from './user.ts'

export type UserRow = Selectable<UsersTable>

export interface UserChanges {
  readonly email?: EmailAddress
  readonly passwordHash?: string
  readonly name?: string | null
  readonly metadata?: string | null
}

/** Rows to users: the one place where the columns' names are turned round. */
export function toUser(row: Omit<UserRow, 'email_canonical' | 'updated_at' | 'password_hash'>, hasPassword: boolean): User {
  return {
    id: row.id,
    externalId: row.external_id,
    email: row.email,
    emailVerified: row.email_verified_at !== null,
    name: row.name,
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    hasPassword,
    disabled: row.disabled_at !== null,
    createdAt: new Date(row.created_at),
    passwordChangedAt: row.password_changed_at === null ? null : new Date(row.password_changed_at),
  }
}

/** `null`: the address is taken. */
export async function insertUser(tx: Db, user: NewUser & { readonly id: string; readonly createdAt: Date }): Promise<User | null> {
  const now = user.createdAt.getTime()
  const row = await tx
    .insertInto('users')
    .values({
      id: user.id,
      external_id: user.externalId ?? null,
      email: user.email.address,
      email_canonical: user.email.canonical,
      email_verified_at: user.verifiedAt?.getTime() ?? null,
      password_hash: user.passwordHash,
      password_changed_at: user.passwordHash === null ? null : now,
      name: null,
      metadata: null,
      disabled_at: null,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.column('email_canonical').doNothing())
    .returningAll()
    .executeTakeFirst()
  return row ? toUser(row, row.password_hash !== null) : null
}

export async function findUserWhere(
  db: Db,
  where: { readonly id?: string; readonly emailCanonical?: string; readonly externalId?: string },
): Promise<User | null> {
  const row = await db
    .selectFrom('users')
    .selectAll()
    .$if(where.id !== undefined, (query) => query.where('id', '=', where.id ?? ''))
    .$if(where.emailCanonical !== undefined, (query) => query.where('email_canonical', '=', where.emailCanonical ?? ''))
    .$if(where.externalId !== undefined, (query) => query.where('external_id', '=', where.externalId ?? ''))
    .limit(1)
    .executeTakeFirst()
  return row ? toUser(row, row.password_hash !== null) : null
}

/** False: no such user. A taken address is refused, and the transaction with it. */
export async function updateUserRow(tx: Db, userId: string, changes: UserChanges, now: Date): Promise<boolean> {
  const { email, passwordHash, name, metadata } = changes
  if (email) {
    const holder = await tx
      .selectFrom('users')
      .select('id')
      .where('email_canonical', '=', email.canonical)
      .where('id', '!=', userId)
      .executeTakeFirst()
    if (holder) throw new AuthError('email_already_registered', { sentence: `User ${email.address} already exists` })
  }
  const result = await tx
    .updateTable('users')
    .set({
      updated_at: now.getTime(),
      ...(email && { email: email.address, email_canonical: email.canonical, email_verified_at: null }),
      ...(passwordHash !== undefined && { password_hash: passwordHash, password_changed_at: now.getTime() }),
      ...(name !== undefined && { name }),
      ...(metadata !== undefined && { metadata }),
    })
    .where('id', '=', userId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** `null`: no such user, disabled, or the token was sent to another address than the one they have now. */
export async function setVerified(tx: Db, userId: string, canonical: string, now: Date): Promise<User | null> {
  const row = await tx
    .updateTable('users')
    .set({ email_verified_at: now.getTime(), updated_at: now.getTime() })
    .where('id', '=', userId)
    .where('email_canonical', '=', canonical)
    .where('disabled_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return row ? toUser(row, row.password_hash !== null) : null
}

/**
 * Give a user an address that was confirmed, in place of `from` (`null`: of any). A taken one is refused; the unique index has the last word, and then the
 * transaction runs again and finds the holder.
 *
 * @returns the former address; `null` where it was another one, the user is disabled or gone, or the address is taken
 */
export async function setConfirmedAddress(
  tx: Db,
  change: { readonly userId: string; readonly from: string | null; readonly to: EmailAddress; readonly now: Date },
): Promise<EmailAddress | null> {
  const { userId, from, to } = change
  const held = await tx.selectFrom('users').select(['id', 'email', 'email_canonical']).where('id', '=', userId).executeTakeFirst()
  const holder = await tx.selectFrom('users').select('id').where('email_canonical', '=', to.canonical).executeTakeFirst()
  if (!held || (holder && holder.id !== userId)) return null
  const now = change.now.getTime()
  const result = await tx
    .updateTable('users')
    .set({ email: to.address, email_canonical: to.canonical, email_verified_at: now, updated_at: now })
    .where('id', '=', userId)
    .where('email_canonical', '=', from ?? held.email_canonical)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n ? { address: held.email, canonical: held.email_canonical } : null
}

/** The rows that a change of credentials ends. They hang on the user, so they are ended here for every feature. */
export async function deleteSessionsOf(tx: Db, userId: string): Promise<number> {
  const result = await tx.deleteFrom('sessions').where('user_id', '=', userId).executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** What was mailed to a user as a proof, and changes that wait for one. The way back to a former address stays: it is there for this case. */
export async function deleteProofsOf(tx: Db, userId: string): Promise<void> {
  for (const table of ['reset_tokens', 'login_codes', 'login_tickets', 'address_changes'] as const)
    await tx.deleteFrom(table).where('user_id', '=', userId).execute()
}

export async function deleteVerificationTokensOf(tx: Db, userId: string): Promise<void> {
  await tx.deleteFrom('verification_tokens').where('user_id', '=', userId).execute()
}

/** The ways back that former addresses hold. */
export async function deleteUndosOf(tx: Db, userId: string): Promise<void> {
  await tx.deleteFrom('address_undos').where('user_id', '=', userId).execute()
}

/** True if that changed anything; a disabled user's sessions and tokens end in the same transaction (user-admin.ts). */
export async function setDisabled(tx: Db, userId: string, disabledAt: Date | null): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({ disabled_at: disabledAt?.getTime() ?? null })
    .where('id', '=', userId)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Sessions and tokens go with the row. */
export async function deleteUserRow(tx: Db, userId: string): Promise<boolean> {
  const result = await tx.deleteFrom('users').where('id', '=', userId).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** One page of users by canonical address, beginning behind `after`. */
export async function selectUsers(
  db: Db,
  page: { readonly after: string | null; readonly limit: number },
): Promise<(User & { readonly canonical: string })[]> {
  const rows = await db
    .selectFrom('users')
    .selectAll()
    .$if(page.after !== null, (query) => query.where('email_canonical', '>', page.after ?? ''))
    .orderBy('email_canonical')
    .limit(page.limit)
    .execute()
  return rows.map((row) => ({ ...toUser(row, row.password_hash !== null), canonical: row.email_canonical }))
}

/**
 * Asked within a transaction, before something is given to a user who may have been deleted or disabled meanwhile, or has got another address than the one
 * they were found by. By an update that changes nothing:
 * on PostgreSQL a select would let somebody disable the user between this and the commit.
 */
export async function userIsEnabled(tx: Db, userId: string, emailCanonical: string): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({ disabled_at: null })
    .where('id', '=', userId)
    .where('email_canonical', '=', emailCanonical)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}
