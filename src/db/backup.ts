import { closeSync, openSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { ENDED_BY_RESTORE } from './table-list.ts'

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
    for (const { name } of ENDED_BY_RESTORE) copy.exec(`delete from ${name}`)
    copy.exec('vacuum')
    renameSync(unfinished, file)
  } finally {
    rmSync(unfinished, { force: true })
  }
}

/** Rows deleted in one transaction: a service beside it never waits long, and no statement meets its timeout. */
const BATCH_ROWS = 5_000

export interface EndedRows {
  readonly table: string
  readonly rows: number
}

/** How much {@link endRestored} would end. */
export async function countRestored({ reads }: Pick<Database, 'reads'>): Promise<EndedRows[]> {
  const counts: EndedRows[] = []
  for (const { name } of ENDED_BY_RESTORE) {
    const { rows } = await sql<{ rows: number }>`select count(*) as "rows" from ${sql.table(name)}`.execute(reads)
    counts.push({ table: name, rows: Number(rows[0]?.rows) })
  }
  return counts
}

/** End what a copy made by other means than {@link writeBackup} has brought back. Run twice it is the same as once. */
export async function endRestored(database: Database): Promise<EndedRows[]> {
  const ended: EndedRows[] = []
  for (const { name, key } of ENDED_BY_RESTORE) {
    let rows = 0
    for (let deleted = BATCH_ROWS; deleted === BATCH_ROWS; rows += deleted) deleted = await deleteSome(database, name, key)
    ended.push({ table: name, rows })
  }
  return ended
}

async function deleteSome(database: Database, table: string, key: readonly string[]): Promise<number> {
  const [name, columns] = [sql.table(table), sql.join(key.map((column) => sql.ref(column)))]
  const statement = sql`delete from ${name} where (${columns}) in (select ${columns} from ${name} limit ${sql.lit(BATCH_ROWS)})`
  const { numAffectedRows } = await database.inTransaction((tx) => statement.execute(tx))
  return Number(numAffectedRows)
}
