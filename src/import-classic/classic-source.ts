import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AuthError } from '../errors.ts'
import { parseEmailAddress } from '../users/email-address.ts'

/** One row of a classic `users` table, with text for whatever type it was stored as. */
export interface ClassicRow {
  readonly id: number
  readonly email: string
  readonly hashedPassword: string
  /** The lowest id that has the same address in any spelling; itself, unless it is a duplicate. `null` for what is no address. */
  readonly winner: number | null
}

export interface ClassicSource extends Disposable {
  readonly count: number
  /** By id, row by row, so that memory stays flat. */
  rows(): Iterable<ClassicRow>
}

const COLUMNS = ['id', 'email', 'hashed_password']
/** No address is longer than 254 bytes, and one that was cut is none either. */
const EMAIL = 'substr(users.email, 1, 512)'

/**
 * Open the database of a classic service, for reading only. Which of several rows for one address wins is worked out by SQLite in a temporary
 * table, so that a million rows need no memory here.
 *
 * @throws AuthError `file_refused`
 */
export function openClassicSource(path: string): ClassicSource {
  if (!existsSync(path)) throw new AuthError('file_refused', { sentence: `There is no file ${path}.` })
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    requireUsersTable(database, path)
    indexAddresses(database)
    const { count } = database.prepare('select count(*) as count from users').get() as { count: number }
    return {
      count,
      rows: () => readRows(database),
      [Symbol.dispose]: () => database.close(),
    }
  } catch (error) {
    database.close()
    if (error instanceof AuthError) throw error
    throw new AuthError(
      'file_refused',
      { sentence: `The file ${path} cannot be read as a SQLite database: ${(error as Error).message}` },
      { cause: error },
    )
  }
}

function requireUsersTable(database: DatabaseSync, path: string): void {
  const columns = database.prepare("select name from pragma_table_info('users')").all()
  const names = columns.map(({ name }) => name)
  const missing = COLUMNS.filter((name) => !names.includes(name))
  const isTable = database.prepare("select 1 from sqlite_master where type = 'table' and name = 'users'").get() !== undefined
  if (missing.length === 0 && isTable) {
    if (!database.prepare("select 1 from users where typeof(id) <> 'integer' limit 1").get()) return
    throw new AuthError('file_refused', { sentence: `The table "users" of ${path} has ids that are not whole numbers.` })
  }
  throw new AuthError('file_refused', {
    sentence: `The file ${path} has no table "users" with the columns ${COLUMNS.join(', ')} (missing: ${missing.join(', ')}).`,
  })
}

/** A user-defined SQL function would keep every value alive until its one statement ends; row by row nothing stays. */
function indexAddresses(database: DatabaseSync): void {
  database.exec('pragma temp_store = file; create temp table address_of (id integer primary key, address text); begin')
  const insert = database.prepare('insert into temp.address_of values (?, ?)')
  for (const { id, email } of database.prepare(`select id, ${EMAIL} as email from main.users`).iterate()) {
    insert.run(Number(id), parseEmailAddress(textOf(email))?.canonical ?? null)
  }
  database.exec('commit; create index temp.address_of_address on address_of (address, id)')
}

function* readRows(database: DatabaseSync): Generator<ClassicRow> {
  const statement = database.prepare(`
    select users.id, ${EMAIL} as email, substr(users.hashed_password, 1, 1024) as hashed_password,
      (select min(other.id) from temp.address_of as other where other.address = own.address) as winner
    from users join temp.address_of as own on own.id = users.id
    order by users.id
  `)
  for (const row of statement.iterate()) {
    yield {
      id: Number(row.id),
      email: textOf(row.email),
      hashedPassword: textOf(row.hashed_password),
      winner: row.winner === null ? null : Number(row.winner),
    }
  }
}

/** SQLAlchemy stored bytes where bcrypt gave bytes; both are text here. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  return value === null || value === undefined ? '' : String(value)
}
