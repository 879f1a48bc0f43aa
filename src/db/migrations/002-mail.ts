import type { CreateTableBuilder } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from '../migrate.ts'

/**
 * Mail leaves by way of the database: a mail is a row that is written with what caused it, and a request for one is a row that is the same for every
 * address (docs/adr/0014-mail.md).
 */
export const mail: Migration = {
  name: '002-mail',
  async up(db, engine) {
    const instant = engine === 'postgres' ? sql`bigint` : sql`integer`
    const finish = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
      (engine === 'sqlite' ? table.modifyEnd(sql`strict, without rowid`) : table).execute()

    await finish(
      db.schema
        .createTable('mails')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        // No reference: the mail that says that an account is deleted is sent after it.
        .addColumn('user_id', 'text')
        .addColumn('recipient_digest', 'text', (c) => c.notNull())
        .addColumn('body', 'text')
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('attempts', 'integer', (c) => c.notNull())
        .addColumn('due_at', instant, (c) => c.notNull())
        .addColumn('lease_id', 'text')
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('expires_at', instant, (c) => c.notNull())
        .addColumn('sent_at', instant)
        .addColumn('last_answer', 'text'),
    )
    await db.schema.createIndex('mails_due').on('mails').columns(['state', 'due_at']).execute()
    await db.schema.createIndex('mails_created').on('mails').column('created_at').execute()
    await db.schema.createIndex('mails_user').on('mails').columns(['user_id', 'created_at']).execute()
    await db.schema.createIndex('mails_recipient').on('mails').columns(['recipient_digest', 'created_at']).execute()

    await finish(
      db.schema
        .createTable('mail_requests')
        .addColumn('id', 'text', (c) => c.primaryKey().notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('created_at', instant, (c) => c.notNull())
        .addColumn('attempts', 'integer', (c) => c.notNull())
        .addColumn('due_at', instant, (c) => c.notNull()),
    )
    await db.schema.createIndex('mail_requests_due').on('mail_requests').column('due_at').execute()
  },
}
