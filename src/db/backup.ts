import { closeSync, openSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import type { Database, Db } from './database.ts'
import { ENDED_BY_RESTORE, type TableEntry } from './table-list.ts'

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
    const { rows } = await reads
      .selectFrom(name)
      .select((one) => one.fn.countAll().as('rows'))
      .executeTakeFirstOrThrow()
    counts.push({ table: name, rows: Number(rows) })
  }
  return counts
}

/**
 * End what a copy made by other means than {@link writeBackup} has brought back. Run twice it is the same as once. What is ended is told to `onEnded` within the
 * transaction that ends it.
 */
export async function endRestored(database: Database, onEnded: (tx: Db, ended: EndedRows) => Promise<void>): Promise<EndedRows[]> {
  const ended: EndedRows[] = []
  for (const table of ENDED_BY_RESTORE) {
    let rows = 0
    for (let deleted = BATCH_ROWS; deleted === BATCH_ROWS; rows += deleted)
      deleted = await database.inTransaction(async (tx) => {
        const some = await deleteSome(tx, table)
        if (some > 0) await onEnded(tx, { table: table.name, rows: some })
        return some
      })
    ended.push({ table: table.name, rows })
  }
  return ended
}

async function deleteSome(tx: Db, { name, key }: TableEntry): Promise<number> {
  const columns = sql<unknown>`(${sql.join(key.map((column) => sql.ref(column)))})`
  const some = tx
    .selectFrom(name)
    .select(key.map((column) => sql.ref(column).as(column)))
    .limit(BATCH_ROWS)
  const { numDeletedRows } = await tx.deleteFrom(name).where(columns, 'in', some).executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
