import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import { keptStatement } from '../db/kept-query.ts'

interface DeviceRow {
  readonly user_id: string
  readonly last_used_at: number
}

const find = keptStatement<{ tokenHash: Uint8Array; createdAfter: number }, DeviceRow>((db, arg) =>
  db
    .selectFrom('devices')
    .select(['user_id', 'last_used_at'])
    .where('token_hash', '=', arg('tokenHash'))
    .where('created_at', '>', arg('createdAfter')),
)

export async function findDeviceRow(
  db: Db,
  tokenHash: TokenHash,
  createdAfter: number,
): Promise<{ userId: string; lastUsedAt: number } | null> {
  const [row] = await find(db, { tokenHash: tokenHashBytes(tokenHash), createdAfter })
  return row ? { userId: row.user_id, lastUsedAt: row.last_used_at } : null
}

const insert = keptStatement<{ tokenHash: Uint8Array; userId: string; now: number }, { count: number | null }>((db, arg) =>
  db
    .insertInto('devices')
    .values({ token_hash: arg('tokenHash'), user_id: arg('userId'), created_at: arg('now'), last_used_at: arg('now') })
    .returning((returned) =>
      returned
        .selectFrom('devices as own')
        .select((own) => own.fn.countAll<number>().as('count'))
        .where('own.user_id', '=', arg('userId'))
        .as('count'),
    ),
)

/** @returns how many devices the user has; with or without this one, engines differ */
export async function insertDevice(
  tx: Db,
  device: { readonly tokenHash: TokenHash; readonly userId: string; readonly now: number },
): Promise<number> {
  const [row] = await insert(tx, { ...device, tokenHash: tokenHashBytes(device.tokenHash) })
  return Number(row?.count)
}

const deleteOldest = keptStatement<{ userId: string; issued: Uint8Array; others: number }, never>((db, arg) =>
  db
    .deleteFrom('devices')
    .where('token_hash', 'in', (query) =>
      query
        .selectFrom('devices')
        .select('token_hash')
        .where('user_id', '=', arg('userId'))
        .where('token_hash', '!=', arg('issued'))
        .orderBy('last_used_at', 'desc')
        .orderBy('token_hash')
        .limit(1_000)
        .offset(arg('others')),
    )
    .$castTo<never>(),
)

/** Keep the device just issued, whatever the clock says, and the `keep - 1` others that were used last. */
export async function deleteOldestDevices(tx: Db, userId: string, issued: TokenHash, keep: number): Promise<void> {
  await deleteOldest(tx, { userId, issued: tokenHashBytes(issued), others: keep - 1 })
}

export async function updateLastUsed(tx: Db, tokenHash: TokenHash, now: number): Promise<void> {
  await tx.updateTable('devices').set({ last_used_at: now }).where('token_hash', '=', tokenHashBytes(tokenHash)).execute()
}

export async function hasDevice(db: Db, userId: string): Promise<boolean> {
  return (await db.selectFrom('devices').select('user_id').where('user_id', '=', userId).limit(1).executeTakeFirst()) !== undefined
}

export async function listDevicesOf(db: Db, userId: string): Promise<{ createdAt: Date; lastUsedAt: Date }[]> {
  const rows = await db
    .selectFrom('devices')
    .select(['created_at', 'last_used_at'])
    .where('user_id', '=', userId)
    .orderBy('last_used_at', 'desc')
    .execute()
  return rows.map((row) => ({ createdAt: new Date(row.created_at), lastUsedAt: new Date(row.last_used_at) }))
}

export async function deleteDevicesOf(tx: Db, userId: string): Promise<void> {
  await tx.deleteFrom('devices').where('user_id', '=', userId).execute()
}

/** @returns how many were there */
export async function deleteExpiredDevices(tx: Db, createdBefore: number, limit: number): Promise<number> {
  const result = await tx
    .deleteFrom('devices')
    .where('token_hash', 'in', (query) =>
      query.selectFrom('devices').select('token_hash').where('created_at', '<=', createdBefore).orderBy('created_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}
