import pg from 'pg'
import { AuthError } from '../errors.ts'
import { type Access, byTable, ConstraintBroken, type MoveEnd } from './move-end.ts'
import { POSTGRES_SCHEMA, type PostgresOptions } from './postgres.ts'
import type { Row } from './row-checksum.ts'

const CONNECT_MILLISECONDS = 5_000
/** Of one statement: its count travels in 16 bits. */
const MAX_PARAMETERS = 65_535

const { INT2, INT4, INT8 } = pg.types.builtins
const INTEGERS: readonly number[] = [INT2, INT4, INT8]

export async function openPostgresEnd(options: PostgresOptions, access: Access): Promise<MoveEnd> {
  const client = new pg.Client({
    connectionString: options.url,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'bienvenue move',
    types: {
      getTypeParser: (oid, format) => (INTEGERS.includes(oid) ? BigInt : pg.types.getTypeParser(oid, format)),
    },
  })
  // A lost connection is met by the next query.
  client.on('error', () => {})

  async function query(sql: string, values: Row = [], name?: string): Promise<Row[]> {
    let count = 0
    const text = sql.replaceAll('?', () => `$${++count}`)
    const { rows } = await client
      .query({ text, values: [...values], rowMode: 'array', ...(name && options.prepare && { name }) })
      .catch(refuse)
    return rows as Row[]
  }

  try {
    await client.connect().catch(refuse)
    const [facts] = await query(FACTS)
    const [name, startedAt, encoding, isWritable] = facts ?? []
    if (encoding !== 'UTF8')
      throw new AuthError('database_refused', { sentence: `The PostgreSQL database ${name} is encoded in ${encoding}; it must be UTF8.` })
    if (access === 'snapshot') await begin('begin isolation level repeatable read read only')
    return {
      identity: `postgres:${startedAt}:${name}`,
      isWritable: isWritable === 'yes',
      nameOf: (table) => `${POSTGRES_SCHEMA}.${table}`,
      schema: async () => byTable(await query(SCHEMA, [POSTGRES_SCHEMA])),
      query: (sql, values) => query(sql, values),
      async insert(table, columns, rows) {
        const most = Math.floor(MAX_PARAMETERS / columns.length)
        for (let from = 0; from < rows.length; from += most) {
          const some = rows.slice(from, from + most)
          const marks = `(${columns.map(() => '?').join(', ')})`
          const sql = `insert into ${POSTGRES_SCHEMA}.${table} (${columns.join(', ')}) values ${some.map(() => marks).join(', ')}`
          await query(sql, some.flat(), `${table}-${some.length}`)
        }
      },
      async transaction(work, options = { flushed: false }) {
        await begin(options.flushed ? 'begin' : 'begin; set local synchronous_commit = off')
        try {
          await work()
          await query('commit')
        } catch (error) {
          // The first error says why; on a lost connection there is nothing to roll back.
          await query('rollback').catch(() => {})
          throw error
        }
      },
      [Symbol.asyncDispose]: () => client.end(),
    }
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }

  /** In one message. Large tables take as long as they take. */
  async function begin(how: string): Promise<void> {
    const timeouts = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
    await client.query([how, ...timeouts.map((name) => `set local ${name} = 0`)].join('; ')).catch(refuse)
  }
}

const FACTS = `
  select current_database(), pg_postmaster_start_time()::text, current_setting('server_encoding'),
    case when has_database_privilege(current_database(), 'create') and not pg_is_in_recovery() then 'yes' else 'no' end`

const SCHEMA = `
  select columns.table_name::text, columns.column_name::text, columns.data_type::text
  from information_schema.columns as columns where columns.table_schema = ?`

/** PostgreSQL, appendix A: class 23 is integrity constraint violation. The address may hold a password, so no message repeats it. */
function refuse(error: unknown): never {
  const { message = '', code = '' } = error as { message?: string; code?: string }
  if (error instanceof pg.DatabaseError && code.startsWith('23')) throw new ConstraintBroken(message, { cause: error })
  throw new AuthError('unavailable', { sentence: `PostgreSQL: ${message || code}` }, { cause: error })
}
