import type { Selectable } from 'kysely'
import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { RegistrationsTable } from '../db/tables.ts'
import type { EmailAddress } from '../users/email-address.ts'

/** A registration that waits for its mail to be opened. */
export interface PendingRegistration {
  readonly id: string
  readonly email: EmailAddress
  readonly passwordHash: string
}

export type FoundRegistration = PendingRegistration & { readonly expiresAt: Date }

export async function insertRegistration(
  tx: Db,
  registration: PendingRegistration & { readonly createdAt: Date; readonly expiresAt: Date },
): Promise<void> {
  await tx
    .insertInto('registrations')
    .values({
      id: registration.id,
      email: registration.email.address,
      email_canonical: registration.email.canonical,
      password_hash: registration.passwordHash,
      token_hash: null,
      created_at: registration.createdAt.getTime(),
      expires_at: registration.expiresAt.getTime(),
    })
    .execute()
}

const COLUMNS = ['id', 'email', 'email_canonical', 'password_hash', 'expires_at'] as const

function toRegistration(row: Pick<Selectable<RegistrationsTable>, (typeof COLUMNS)[number]>): FoundRegistration {
  return {
    id: row.id,
    email: { address: row.email, canonical: row.email_canonical },
    passwordHash: row.password_hash,
    expiresAt: new Date(row.expires_at),
  }
}

export async function findRegistration(db: Db, id: string): Promise<FoundRegistration | null> {
  const row = await db.selectFrom('registrations').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row ? toRegistration(row) : null
}

/** What a mail that is sent again is about: the newest that nobody was mailed about yet, else the newest of all. */
export async function findNewestRegistration(db: Db, canonical: string, now: Date): Promise<FoundRegistration | null> {
  const row = await db
    .selectFrom('registrations')
    .select(COLUMNS)
    .where('email_canonical', '=', canonical)
    .where('expires_at', '>', now.getTime())
    .orderBy((is) => is.case().when('token_hash', 'is', null).then(0).else(1).end())
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  return row ? toRegistration(row) : null
}

export async function findRegistrationByToken(db: Db, tokenHash: TokenHash, now: Date): Promise<FoundRegistration | null> {
  const row = await db
    .selectFrom('registrations')
    .select(COLUMNS)
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return row ? toRegistration(row) : null
}

/** False: the registration is gone. */
export async function setRegistrationToken(tx: Db, id: string, tokenHash: TokenHash): Promise<boolean> {
  const result = await tx
    .updateTable('registrations')
    .set({ token_hash: tokenHashBytes(tokenHash) })
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** One statement decides who used the token: a registration for exactly one caller. */
export async function takeRegistration(tx: Db, tokenHash: TokenHash, now: Date): Promise<FoundRegistration | null> {
  const row = await tx
    .deleteFrom('registrations')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .returning(COLUMNS)
    .executeTakeFirst()
  return row ? toRegistration(row) : null
}

export async function deleteRegistration(tx: Db, id: string): Promise<void> {
  await tx.deleteFrom('registrations').where('id', '=', id).execute()
}

export async function deleteRegistrationsOf(tx: Db, canonical: string): Promise<void> {
  await tx.deleteFrom('registrations').where('email_canonical', '=', canonical).execute()
}

/** @returns how many were there */
export async function deleteExpiredRegistrations(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('registrations')
    .where('id', 'in', (query) =>
      query.selectFrom('registrations').select('id').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** One live token a user: a newer one takes the earlier one's row. */
export async function putVerificationToken(
  tx: Db,
  token: {
    readonly tokenHash: TokenHash
    readonly userId: string
    readonly canonical: string
    readonly createdAt: Date
    readonly expiresAt: Date
  },
): Promise<void> {
  const row = {
    token_hash: tokenHashBytes(token.tokenHash),
    email_canonical: token.canonical,
    created_at: token.createdAt.getTime(),
    expires_at: token.expiresAt.getTime(),
  }
  await tx
    .insertInto('verification_tokens')
    .values({ ...row, user_id: token.userId })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
}

export async function findVerificationToken(
  db: Db,
  tokenHash: TokenHash,
  now: Date,
): Promise<{ userId: string; canonical: string } | null> {
  const row = await db
    .selectFrom('verification_tokens')
    .select(['user_id', 'email_canonical'])
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return row ? { userId: row.user_id, canonical: row.email_canonical } : null
}

/** True for exactly one caller. */
export async function takeVerificationToken(tx: Db, tokenHash: TokenHash, now: Date): Promise<boolean> {
  const result = await tx
    .deleteFrom('verification_tokens')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** @returns how many were there */
export async function deleteExpiredVerificationTokens(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('verification_tokens')
    .where('user_id', 'in', (query) =>
      query.selectFrom('verification_tokens').select('user_id').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    .where('expires_at', '<=', now.getTime())
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
