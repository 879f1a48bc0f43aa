import type { CreateTableBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from '../migrate.ts'

/** What happened, in rows that are linked to each other, and where their chain begins and ends (docs/adr/0016-audit-log.md). */
export const audit: Migration = {
  name: '004-audit',
  async up(db, engine) {
    const instant = engine === 'postgres' ? sql`bigint` : sql`integer`
    const finish = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
      (engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table).execute()

    // No foreign key: an event outlives the user it tells of.
    await finish(
      db.schema
        .createTable('audit_events')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('at', instant, (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('outcome', 'text', (c) => c.notNull())
        .addColumn('actor', 'text', (c) => c.notNull())
        .addColumn('subject', 'text')
        .addColumn('session_id', 'text')
        .addColumn('address', 'text')
        .addColumn('user_agent', 'text')
        .addColumn('request_id', 'text')
        .addColumn('factors', 'text')
        .addColumn('reason', 'text')
        .addColumn('detail', 'text')
        .addColumn('key_version', 'text', (c) => c.notNull())
        .addColumn('salt', 'text')
        .addColumn('origin_digest', 'text')
        .addColumn('mac', 'text', (c) => c.notNull())
        .addColumn('seq', instant)
        .addColumn('link', 'text'),
    )
    // No number twice; and the rows without one lie together.
    await db.schema.createIndex('audit_events_seq').unique().on('audit_events').column('seq').execute()
    await db.schema.createIndex('audit_events_subject').on('audit_events').columns(['subject', 'id']).execute()

    await finish(
      db.schema
        .createTable('audit_state')
        .addColumn('key', 'text', (c) => c.primaryKey().notNull())
        .addColumn('seq', instant, (c) => c.notNull())
        .addColumn('link', 'text', (c) => c.notNull())
        .addColumn('at', instant, (c) => c.notNull())
        .addColumn('owner', 'text')
        .addColumn('key_version', 'text')
        .addColumn('signature', 'text'),
    )
  },
}
