import { closeSync, openSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Database } from './database.ts'

/** What a restored backup must not bring back to life (CHECKLIST R239). */
const LEFT_OUT = ['sessions', 'reset_tokens'] as const

/**
 * A consistent copy of a database in use, for its owner only, without what must not come back to life: a session that was ended after the backup would
 * be alive again. The file appears under its name when it is complete.
 */
export async function writeBackup(database: Database, file: string): Promise<void> {
  const unfinished = `${file}.unfinished`
  // For its owner only from its first moment, and never in the place of somebody else's file.
  closeSync(openSync(unfinished, 'wx', 0o600))
  try {
    await database.copyTo(unfinished)
    using copy = new DatabaseSync(unfinished)
    // The rows themselves, not only their entry in the list of free pages.
    copy.exec('pragma secure_delete = on')
    for (const table of LEFT_OUT) copy.exec(`delete from ${table}`)
    copy.exec('vacuum')
    renameSync(unfinished, file)
  } finally {
    rmSync(unfinished, { force: true })
  }
}
