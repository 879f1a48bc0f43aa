import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Database, Db, Engine } from './database.ts'
import { migrations } from './migrations/index.ts'

export interface Migration {
  readonly name: string
  up(db: Db, engine: Engine): Promise<void>
}

/**
 * Apply what is missing, in order, in one transaction that holds the write lock: of two processes that start at once,
 * one migrates and the other finds the work done. A crash half-way leaves the database as it was.
 *
 * Names that this version does not know are left alone: a newer node has migrated, and migrations only add.
 *
 * @returns the names applied now
 */
export async function migrate(database: Database, clock: Clock): Promise<string[]> {
  return database.inLongTransaction(async (tx) => {
    await tx.schema
      .createTable('bienvenue_migrations')
      .ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey().notNull())
      .addColumn('applied_at', 'bigint', (c) => c.notNull())
      .execute()
    await waitForOthers(database, tx)
    const done = new Set((await tx.selectFrom('bienvenue_migrations').select('name').execute()).map((row) => row.name))
    const pending = migrations.filter((migration) => !done.has(migration.name))
    for (const { name, up } of pending) {
      await up(tx, database.engine)
      await tx.insertInto('bienvenue_migrations').values({ name, applied_at: clock.now() }).execute()
    }
    return pending.map((migration) => migration.name)
  })
}

/**
 * A row that the first process locks and the others wait for, however long its work takes: one at a time migrates, or claims the database.
 * SQLite's write transactions exclude each other anyway. A row, because the engines that speak PostgreSQL's protocol have all got those; advisory locks
 * and LOCK TABLE they have not.
 */
export async function waitForOthers(database: Pick<Database, 'engine'>, tx: Db): Promise<void> {
  if (database.engine !== 'postgres') return
  await sql`set local lock_timeout = 0`.execute(tx)
  await sql`set local statement_timeout = 0`.execute(tx)
  const lock = 'lock'
  await tx
    .insertInto('bienvenue_migrations')
    .values({ name: lock, applied_at: 0 })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  await tx.selectFrom('bienvenue_migrations').select('name').where('name', '=', lock).forUpdate().execute()
}

/** Is every migration of this version applied? What `GET /readyz` asks. */
export async function isMigrated(database: Database): Promise<boolean> {
  const rows = await database.reads.selectFrom('bienvenue_migrations').select('name').execute()
  const done = new Set(rows.map((row) => row.name))
  return migrations.every((migration) => done.has(migration.name))
}
