import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'

export interface StoredTicket {
  readonly userId: string
  readonly amr: readonly string[]
}

export async function insertTicket(
  tx: Db,
  ticket: StoredTicket & { readonly tokenHash: TokenHash; readonly createdAt: Date; readonly expiresAt: Date },
): Promise<void> {
  await tx
    .insertInto('login_tickets')
    .values({
      token_hash: tokenHashBytes(ticket.tokenHash),
      user_id: ticket.userId,
      amr: ticket.amr.join(' '),
      created_at: ticket.createdAt.getTime(),
      expires_at: ticket.expiresAt.getTime(),
    })
    .execute()
}

export async function findTicketRow(db: Db, tokenHash: TokenHash, now: Date): Promise<StoredTicket | null> {
  const row = await db
    .selectFrom('login_tickets')
    .select(['user_id', 'amr'])
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return row ? { userId: row.user_id, amr: row.amr.split(' ') } : null
}

/** True for exactly one caller. */
export async function deleteTicket(tx: Db, tokenHash: TokenHash, now: Date): Promise<boolean> {
  const result = await tx
    .deleteFrom('login_tickets')
    .where('token_hash', '=', tokenHashBytes(tokenHash))
    .where('expires_at', '>', now.getTime())
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** @returns how many were there */
export async function deleteExpiredTickets(tx: Db, now: Date, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('login_tickets')
    .where('token_hash', 'in', (query) =>
      query.selectFrom('login_tickets').select('token_hash').where('expires_at', '<=', now.getTime()).orderBy('expires_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
