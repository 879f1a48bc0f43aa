import type { CreateTableBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from '../migrate.ts'

/** Second factors: authenticator apps, recovery codes and passkeys, and logins that wait for one. */
export const factors: Migration = {
  name: '006-factors',
  async up(db, engine) {
    const instant = engine === 'postgres' ? sql`bigint` : sql`integer`
    const bytes = engine === 'postgres' ? sql`bytea` : sql`blob`
    const finish = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
      (engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table).execute()

    await db.schema.alterTable('sessions').addColumn('second_factor_at', instant).execute()

    await finish(
      db.schema
        .createTable('login_tickets')
        .addColumn('token_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('amr', 'text', (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('login_tickets_user').on('login_tickets').column('user_id').execute()
    await db.schema.createIndex('login_tickets_expires').on('login_tickets').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('totp_secrets')
        .addColumn('user_id', 'text', (c) => c.primaryKey().notNull().references('users.id').onDelete('cascade'))
        .addColumn('secret', 'text', (c) => c.notNull())
        .addColumn('key_version', 'text', (c) => c.notNull())
        .addColumn('last_step', instant, (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull()),
    )
    // By it an old version of the secret is found to be out of use, and what is still sealed with it.
    await db.schema.createIndex('totp_secrets_key_version').on('totp_secrets').column('key_version').execute()

    await finish(
      db.schema
        .createTable('totp_enrolments')
        .addColumn('bound_to', 'text', (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('secret', 'text', (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('totp_enrolments_user').on('totp_enrolments').column('user_id').execute()
    await db.schema.createIndex('totp_enrolments_expires').on('totp_enrolments').column('expires_at').execute()

    await finish(
      db.schema
        .createTable('recovery_code_sets')
        .addColumn('user_id', 'text', (c) => c.primaryKey().notNull().references('users.id').onDelete('cascade'))
        .addColumn('salt', 'text', (c) => c.notNull())
        .addColumn('cost', 'text', (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull()),
    )
    await finish(
      db.schema
        .createTable('recovery_codes')
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('code_hash', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('recovery_codes_key', ['user_id', 'code_hash']),
    )

    await finish(
      db.schema
        .createTable('passkey_handles')
        .addColumn('user_id', 'text', (c) => c.primaryKey().notNull().references('users.id').onDelete('cascade'))
        .addColumn('handle', bytes, (c) => c.notNull()),
    )
    await db.schema.createIndex('passkey_handles_handle').unique().on('passkey_handles').column('handle').execute()

    await finish(
      db.schema
        .createTable('passkeys')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('credential_id', bytes, (c) => c.notNull())
        .addColumn('public_key', bytes, (c) => c.notNull())
        .addColumn('sign_count', instant, (c) => c.notNull())
        .addColumn('backup_eligible', 'integer', (c) => c.notNull())
        .addColumn('backed_up', 'integer', (c) => c.notNull())
        .addColumn('transports', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('last_used_at', instant),
    )
    // CHECKLIST R157: of two registrations of one credential the index lets one through.
    await db.schema.createIndex('passkeys_credential').unique().on('passkeys').column('credential_id').execute()
    await db.schema.createIndex('passkeys_user').on('passkeys').columns(['user_id', 'created_at']).execute()

    await finish(
      db.schema
        .createTable('used_challenges')
        .addColumn('challenge_hash', bytes, (c) => c.primaryKey().notNull())
        .addColumn('expires_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('used_challenges_expires').on('used_challenges').column('expires_at').execute()
  },
}
