import { DatabaseSync } from 'node:sqlite'
import {
  ABSOLUTE_MILLISECONDS,
  ADDRESS,
  emailOf,
  instantsOf,
  passwordHashOf,
  sessionIdOf,
  tokenHashOf,
  USER_AGENT,
  userIdOf,
} from './made-users.ts'

const USER = `
  insert into users (id, email, email_canonical, email_verified_at, password_hash, password_changed_at, created_at, updated_at)
  values (?1, ?2, ?2, ?3, ?4, ?3, ?3, ?3)`
const SESSION = `
  insert into sessions (token_hash, id, user_id, created_at, authenticated_at, last_seen_at, expires_at, amr, user_agent, address)
  values (?1, ?2, ?3, ?4, ?4, ?5, ?6, 'pwd', '${USER_AGENT}', '${ADDRESS}')`

const BATCH = 20_000
/** Pages of the fill stay in memory up to here: each row touches another one. */
const CACHE_KIB = 3 * 1024 * 1024

/**
 * Fill a migrated, empty file. Rows come in no order, so the tables grow as in use; the other indexes are made again afterwards, as the migration made
 * them, which takes half the time and leaves them packed.
 */
export async function fillSqlite(
  file: string,
  fill: { readonly users: number; readonly filledAt: number; readonly onProgress: (done: number) => void },
): Promise<void> {
  using database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  // Loading only: what a crash would lose is made again. The service turns all of it back when it opens the file. Out of WAL leads no shorter way.
  database.exec(`pragma journal_mode = delete; pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive`)
  database.exec(`pragma cache_size = -${CACHE_KIB}; begin`)
  const indexes = database.prepare("select name, sql from sqlite_master where type = 'index' and sql is not null").all()
  for (const { name } of indexes) database.exec(`drop index ${name}`)
  const user = database.prepare(USER)
  const session = database.prepare(SESSION)
  for (let n = 0; n < fill.users; n++) {
    const { createdAt, lastSeenAt } = instantsOf(n, fill.filledAt)
    const [id, email] = [userIdOf(n), emailOf(n)]
    user.run(id, email, createdAt, passwordHashOf(n))
    session.run(tokenHashOf(n), sessionIdOf(n), id, createdAt, lastSeenAt, createdAt + ABSOLUTE_MILLISECONDS)
    if ((n + 1) % BATCH > 0) continue
    fill.onProgress(n + 1)
    // Between batches the process answers signals.
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const { sql } of indexes) database.exec(String(sql))
  database.exec('commit')
}
