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
  return database.inTransaction(async (tx) => {
    await tx.schema
      .createTable('bienvenue_migrations')
      .ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey().notNull())
      .addColumn('applied_at', 'bigint', (c) => c.notNull())
      .execute()
    const done = new Set((await tx.selectFrom('bienvenue_migrations').select('name').execute()).map((row) => row.name))
    const pending = migrations.filter((migration) => !done.has(migration.name))
    for (const { name, up } of pending) {
      await up(tx, database.engine)
      await tx.insertInto('bienvenue_migrations').values({ name, applied_at: clock.now() }).execute()
    }
    return pending.map((migration) => migration.name)
  })
}

/** Is every migration of this version applied? What `GET /readyz` asks. */
export async function isMigrated(database: Database): Promise<boolean> {
  const rows = await database.reads.selectFrom('bienvenue_migrations').select('name').execute()
  const done = new Set(rows.map((row) => row.name))
  return migrations.every((migration) => done.has(migration.name))
}
