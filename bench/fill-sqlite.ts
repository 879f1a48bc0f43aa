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
/** Pages of the fill stay in memory up to here: rows come in no order, and each touches a page of every index. */
const CACHE_KIB = 3 * 1024 * 1024

/** Fill a migrated, empty file, the indexes in their place, so that they grow as in use. */
export async function fillSqlite(
  file: string,
  fill: { readonly users: number; readonly filledAt: number; readonly onProgress: (done: number) => void },
): Promise<void> {
  using database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  // Loading only: what a crash would lose is made again. The service turns all of it back when it opens the file.
  database.exec(`pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive; pragma cache_size = -${CACHE_KIB}`)
  const user = database.prepare(USER)
  const session = database.prepare(SESSION)
  database.exec('begin')
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
  database.exec('commit')
}
