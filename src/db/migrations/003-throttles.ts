import type { CreateTableBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from '../migrate.ts'

/**
 * Counters that outlive a process and are shared by all (CHECKLIST R048), and the browsers that have logged in before (R041). No counter refers to a user: those of an
 * address that nobody has must be kept in the same way.
 */
export const throttles: Migration = {
  name: '003-throttles',
  async up(db, engine) {
    const instant = engine === 'postgres' ? sql`bigint` : sql`integer`
    const bytes = engine === 'postgres' ? sql`bytea` : sql`blob`
    const finish = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
      (engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table).execute()

    await finish(
      db.schema
        .createTable('throttles')
        .addColumn('bucket', 'text', (c) => c.primaryKey().notNull())
        .addColumn('count', 'integer', (c) => c.notNull())
        .addColumn('since', instant, (c) => c.notNull())
        .addColumn('blocked_until', instant, (c) => c.notNull())
        .addColumn('ends_at', instant),
    )
    await db.schema.createIndex('throttles_ends').on('throttles').column('ends_at').execute()

    await finish(
      db.schema
        .createTable('sprayed_accounts')
        .addColumn('origin', 'text', (c) => c.notNull())
        .addColumn('account', 'text', (c) => c.notNull())
        .addColumn('tried_at', instant, (c) => c.notNull())
        .addPrimaryKeyConstraint('sprayed_accounts_key', ['origin', 'account']),
    )
    await db.schema.createIndex('sprayed_accounts_tried').on('sprayed_accounts').column('tried_at').execute()

    await finish(
      db.schema
        .createTable('devices')
        .addColumn('token_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('last_used_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('devices_user').on('devices').columns(['user_id', 'last_used_at']).execute()
    await db.schema.createIndex('devices_created').on('devices').column('created_at').execute()
  },
}
