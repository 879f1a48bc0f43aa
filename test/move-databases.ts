import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '../src/clock.ts'
import { type Config, parseConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import type { MoveOptions } from '../src/db/move-plan.ts'
import { ENGINE, freshDatabase } from './fresh-database.ts'
import type { TemporaryDirectory } from './temporary-directory.ts'

/** An empty place to move into, of the engine that this run is for: so every test of a move is one from SQLite to either engine. */
export async function freshTarget(directory: Pick<TemporaryDirectory, 'file'>): Promise<AsyncDisposable & { readonly url: string }> {
  if (ENGINE === 'postgres') return freshDatabase()
  return { url: `file:${directory.file('target.db')}`, [Symbol.asyncDispose]: async () => {} }
}

export function locationOf(url: string): Config['database'] {
  return parseConfig({ DATABASE_URL: url }).database
}

export function moveOptions(from: string, to: string, emptyTarget = false): MoveOptions {
  return { from: { location: locationOf(from), name: from }, to: { location: locationOf(to), name: to }, emptyTarget }
}

/** A migrated file with so many users, and a session for each. */
export async function filledFile(path: string, users: number): Promise<void> {
  const database = await openDatabase({ engine: 'sqlite', path })
  await migrate(database, systemClock).finally(() => database.close())
  using file = new DatabaseSync(path)
  file.exec(`
    begin;
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${users})
    insert into users (id, email, email_canonical, created_at, updated_at)
      select printf('%08d', n), 'user' || n || '@me.com', 'user' || n || '@me.com', n, n from numbers where n <= ${users};
    insert into sessions (token_hash, id, user_id, created_at, authenticated_at, last_seen_at, expires_at, amr)
      select randomblob(32), id, id, 1, 1, 1, 9000000000000, 'pwd' from users;
    commit`)
}

/** Everything that a file holds but its migrations, exactly. */
export function contentOf(path: string): Record<string, unknown[]> {
  using file = new DatabaseSync(path, { readOnly: true })
  const content: Record<string, unknown[]> = {}
  for (const table of ['users', 'sessions', 'reset_tokens', 'service_state']) {
    const statement = file.prepare(`select * from ${table} order by 1`)
    statement.setReadBigInts(true)
    content[table] = statement.all()
  }
  return content
}
