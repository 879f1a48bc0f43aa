import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { ENGINE, freshDatabase } from '../../test/fresh-database.ts'
import { systemClock } from '../clock.ts'
import { parseConfig } from '../config.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { TABLES } from './table-list.ts'

const QUERIES = {
  sqlite: {
    tables: sql<{ name: string }>`select name from sqlite_master where type = 'table'`,
    keys: sql<{ table: string; column: string }>`
      select tables.name as "table", columns.name as "column" from sqlite_master as tables join pragma_table_info(tables.name) as columns
      where tables.type = 'table' and columns.pk > 0 order by tables.name, columns.pk`,
    references: sql<{ from: string; to: string }>`
      select tables.name as "from", keys."table" as "to" from sqlite_master as tables join pragma_foreign_key_list(tables.name) as keys
      where tables.type = 'table'`,
  },
  postgres: {
    tables: sql<{ name: string }>`select table_name as name from information_schema.tables where table_schema = 'bienvenue'`,
    keys: sql<{ table: string; column: string }>`
      select columns.table_name as "table", columns.column_name as "column"
      from information_schema.table_constraints as keys
      join information_schema.key_column_usage as columns using (constraint_schema, constraint_name)
      where keys.constraint_schema = 'bienvenue' and keys.constraint_type = 'PRIMARY KEY'
      order by columns.table_name, columns.ordinal_position`,
    references: sql<{ from: string; to: string }>`
      select conrelid::regclass::text as "from", confrelid::regclass::text as "to" from pg_constraint
      where contype = 'f' and connamespace = 'bienvenue'::regnamespace`,
  },
}[ENGINE]

test('the list of tables is that of a migrated database: every table, its key, and none before one that it refers to', async () => {
  await using fresh = await freshDatabase()
  const database = await openDatabase(parseConfig({ DATABASE_URL: fresh.url }).database)
  await using _ = { [Symbol.asyncDispose]: () => database.close() }
  await migrate(database, systemClock)
  const rows = async <T>(query: { execute(db: typeof database.reads): Promise<{ rows: T[] }> }) =>
    (await query.execute(database.reads)).rows

  const real = (await rows(QUERIES.tables)).map(({ name }) => name).filter((name) => name !== 'bienvenue_migrations')
  const listed: string[] = TABLES.map(({ name }) => name)
  assert.deepEqual(listed.toSorted(), real.toSorted())
  const keys = await rows(QUERIES.keys)
  for (const { name, key } of TABLES) {
    assert.deepEqual(
      key,
      keys.filter(({ table }) => table === name).map(({ column }) => column),
      name,
    )
  }
  const references = await rows(QUERIES.references)
  assert.ok(references.length >= 2)
  const short = (name: string) => name.replace('bienvenue.', '')
  for (const { from, to } of references) assert.ok(listed.indexOf(short(to)) < listed.indexOf(short(from)), `${from} refers to ${to}`)
})
