import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AuthError } from '../errors.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import type { Source, SourceRow } from './import.ts'

const COLUMNS = ['id', 'email', 'hashed_password']
/** No address is longer than 254 bytes, and one that was cut is none either. */
const EMAIL = 'substr(email, 1, 512)'
const HASH = 'substr(hashed_password, 1, 1024)'
/** SQLAlchemy's are none of these; a file made by somebody else may be anything. */
const UNUSABLE_IDS = [
  ["where typeof(id) <> 'integer'", 'not whole numbers'],
  [`where id not between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`, 'too large: beyond 2^53 − 1 either way'],
  ['group by id having count(*) > 1', 'there more than once'],
] as const

/**
 * Open the database of a classic service, for reading only. A row's id becomes the user's external id.
 *
 * @throws AuthError `file_refused`
 */
export function openClassicSource(path: string): Source {
  if (!existsSync(path)) throw new AuthError('file_refused', { sentence: `There is no file ${path}.` })
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    requireUsersTable(database, path)
    const { count } = database.prepare('select count(*) as count from users').get() as { count: number }
    let done = 0
    return {
      unit: 'row',
      whenIdTaken: 'import_without_id',
      size: count,
      position: () => done,
      *rows() {
        for (const row of readRows(database)) {
          done++
          yield row
        }
      },
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
    for (const [rows, fault] of UNUSABLE_IDS)
      if (database.prepare(`select 1 from users ${rows} limit 1`).get())
        throw new AuthError('file_refused', { sentence: `The table "users" of ${path} has ids that are ${fault}.` })
    return
  }
  throw new AuthError('file_refused', {
    sentence: `The file ${path} has no table "users" with the columns ${COLUMNS.join(', ')} (missing: ${missing.join(', ')}).`,
  })
}

function* readRows(database: DatabaseSync): Generator<SourceRow> {
  // By id: of duplicates the lowest wins, which is the row by which the old service logged in.
  const statement = database.prepare(`select id, ${EMAIL} as email, ${HASH} as hash from users order by id`)
  for (const row of statement.iterate()) yield readRow(Number(row.id), textOf(row.email), textOf(row.hash))
}

function readRow(id: number, address: string, hash: string): SourceRow {
  const email = parseEmailAddress(address)
  if (!email)
    return {
      number: id,
      email: address,
      fault: { field: 'email', reason: address === '' ? 'the address is empty' : 'not an email address' },
    }
  const user = {
    email,
    externalId: String(id),
    passwordHash: hash,
    emailVerified: false,
    name: null,
    metadata: null,
    disabled: false,
    createdAt: null,
  }
  return { number: id, email: address, user }
}

/** SQLAlchemy stored bytes where bcrypt gave bytes; both are text here. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  return value === null || value === undefined ? '' : String(value)
}
