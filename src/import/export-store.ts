import type { Db } from '../db/database.ts'
import type { UserLine } from './user-line.ts'

/** One page of users by id, beginning behind `after`. */
export async function selectForExport(
  db: Db,
  page: { readonly after: string; readonly limit: number },
): Promise<{ readonly id: string; readonly line: UserLine }[]> {
  const rows = await db.selectFrom('users').selectAll().where('id', '>', page.after).orderBy('id').limit(page.limit).execute()
  return rows.map((row) => ({
    id: row.id,
    line: {
      external_id: row.external_id,
      email: row.email,
      email_verified: row.email_verified_at !== null,
      password_hash: row.password_hash,
      name: row.name,
      metadata: row.metadata === null ? null : JSON.parse(row.metadata),
      disabled: row.disabled_at !== null,
      created_at: new Date(row.created_at).toISOString(),
    },
  }))
}
