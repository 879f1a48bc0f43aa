import type { CreateTableBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from '../migrate.ts'

/**
 * The first schema: users, their sessions and reset tokens, and what the database knows about its service.
 * Both engines take it; only the names of two types and SQLite's table options differ.
 */
export const usersAndSessions: Migration = {
  name: '001-users-and-sessions',
  async up(db, engine) {
    const instant = engine === 'postgres' ? sql`bigint` : sql`integer`
    const bytes = engine === 'postgres' ? sql`bytea` : sql`blob`
    // STRICT refuses a value of the wrong type; WITHOUT ROWID makes the primary key the table itself, one look-up in place of two.
    const finish = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
      (engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table).execute()

    await finish(
      db.schema
        .createTable('users')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('external_id', 'text')
        .addColumn('email', 'text', (c) => c.notNull())
        .addColumn('email_canonical', 'text', (c) => c.notNull())
        .addColumn('email_verified_at', instant)
        .addColumn('password_hash', 'text')
        .addColumn('password_changed_at', instant)
        .addColumn('name', 'text')
        .addColumn('metadata', 'text')
        .addColumn('disabled_at', instant)
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('updated_at', instant, (c) => c.notNull()),
    )
    // CHECKLIST R127: the index decides who was first, never a look before a write.
    await db.schema.createIndex('users_email_canonical').unique().on('users').column('email_canonical').execute()
    await db.schema.createIndex('users_external_id').unique().on('users').column('external_id').execute()

    await finish(
      db.schema
        .createTable('sessions')
        .addColumn('token_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('id', 'text', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('authenticated_at', instant, (c) => c.notNull())
        .addColumn('last_seen_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull())
        .addColumn('amr', 'text', (c) => c.notNull())
        .addColumn('user_agent', 'text')
        .addColumn('address', 'text'),
    )
    await db.schema.createIndex('sessions_id').unique().on('sessions').column('id').execute()
    await db.schema.createIndex('sessions_user').on('sessions').columns(['user_id', 'created_at']).execute()
    await db.schema.createIndex('sessions_expires').on('sessions').column('expires_at').execute()
    await db.schema.createIndex('sessions_last_seen').on('sessions').column('last_seen_at').execute()

    await finish(
      db.schema
        .createTable('reset_tokens')
        .addColumn('token_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    // CHECKLIST R095: at most one live reset token a user.
    await db.schema.createIndex('reset_tokens_user').unique().on('reset_tokens').column('user_id').execute()
    await db.schema.createIndex('reset_tokens_expires').on('reset_tokens').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('service_state')
        .addColumn('key', 'text', (c) => c.primaryKey().notNull())
        .addColumn('value', 'text', (c) => c.notNull()),
    )
  },
}
