import type { CreateTableBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from '../migrate.ts'

/** What waits for a mailbox to answer: registrations, verifications, changes of address, and codes to log in with. */
export const accounts: Migration = {
  name: '005-accounts',
  async up(db, engine) {
    const instant = engine === 'postgres' ? sql`bigint` : sql`integer`
    const bytes = engine === 'postgres' ? sql`bytea` : sql`blob`
    const finish = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
      (engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table).execute()

    // Null: an application asked for the token and has it; what it proves is theirs to say.
    await db.schema.alterTable('reset_tokens').addColumn('mailed_to', 'text').execute()

    await finish(
      db.schema
        .createTable('registrations')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('email', 'text', (c) => c.notNull())
        .addColumn('email_canonical', 'text', (c) => c.notNull())
        .addColumn('password_hash', 'text', (c) => c.notNull())
        .addColumn('token_hash', bytes)
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('registrations_token').unique().on('registrations').column('token_hash').execute()
    await db.schema.createIndex('registrations_email').on('registrations').columns(['email_canonical', 'created_at']).execute()
    await db.schema.createIndex('registrations_expires').on('registrations').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('verification_tokens')
        .addColumn('token_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('email_canonical', 'text', (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('verification_tokens_user').unique().on('verification_tokens').column('user_id').execute()
    await db.schema.createIndex('verification_tokens_expires').on('verification_tokens').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('login_codes')
        .addColumn('user_id', 'text', (c) => c.primaryKey().notNull().references('users.id').onDelete('cascade'))
        .addColumn('code_digest', 'text', (c) => c.notNull())
        .addColumn('key_version', 'text', (c) => c.notNull())
        .addColumn('token_hash', bytes, (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('login_codes_token').unique().on('login_codes').column('token_hash').execute()
    await db.schema.createIndex('login_codes_expires').on('login_codes').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('address_changes')
        .addColumn('user_id', 'text', (c) => c.primaryKey().notNull().references('users.id').onDelete('cascade'))
        .addColumn('id', 'text', (c) => c.notNull())
        .addColumn('old_canonical', 'text', (c) => c.notNull())
        .addColumn('new_email', 'text', (c) => c.notNull())
        .addColumn('new_canonical', 'text', (c) => c.notNull())
        .addColumn('old_token_hash', bytes)
        .addColumn('new_token_hash', bytes)
        .addColumn('old_confirmed_at', instant)
        .addColumn('new_confirmed_at', instant)
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('address_changes_id').unique().on('address_changes').column('id').execute()
    await db.schema.createIndex('address_changes_old_token').unique().on('address_changes').column('old_token_hash').execute()
    await db.schema.createIndex('address_changes_new_token').unique().on('address_changes').column('new_token_hash').execute()
    await db.schema.createIndex('address_changes_expires').on('address_changes').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('address_undos')
        .addColumn('token_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('old_email', 'text', (c) => c.notNull())
        .addColumn('old_canonical', 'text', (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('address_undos_user').on('address_undos').column('user_id').execute()
    await db.schema.createIndex('address_undos_expires').on('address_undos').column('expires_at').execute()
  },
}
