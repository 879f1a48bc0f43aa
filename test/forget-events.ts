import { parseConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/database.ts'
import { ENGINE_ENV } from './fresh-database.ts'

/** What time does: after a day no mail, and after the audit log's retention no event refers to an old version of the secret. */
export async function forgetEvents(databaseUrl: string): Promise<void> {
  const database = await openDatabase(parseConfig({ DATABASE_URL: databaseUrl, ...ENGINE_ENV }).database)
  await database.inTransaction(async (tx) => {
    for (const table of ['audit_events', 'mails', 'mail_requests', 'login_codes'] as const) await tx.deleteFrom(table).execute()
  })
  await database.close()
}
