import { type TokenHash, tokenHashBytes } from '../crypto/opaque-token.ts'
import type { Database, KeptQuery } from '../db/database.ts'
import type { User } from '../users/user.ts'
import { toUser, type UserRow } from '../users/user-store.ts'
import type { SessionPublicId } from './session.ts'

interface FoundSession {
  readonly id: SessionPublicId
  readonly user: User
  readonly createdAt: Date
  readonly authenticatedAt: Date
  readonly secondFactorAt: Date | null
  readonly lastSeenAt: Date
  readonly absoluteEnd: Date
  readonly amr: readonly string[]
}

interface SessionRow {
  readonly session_id: string
  readonly session_created_at: number
  readonly authenticated_at: number
  readonly second_factor_at: number | null
  readonly last_seen_at: number
  readonly expires_at: number
  readonly amr: string
}

/** Whether there is a password, not its hash: these rows stay in memory. SQLite says 1, PostgreSQL true. */
type JoinedRow = SessionRow &
  Omit<UserRow, 'email_canonical' | 'updated_at' | 'password_hash'> & { readonly has_password: number | boolean }

/**
 * The service's hot path, one a database: session and user in one prepared query, and rows kept while the database has not changed at all
 * since they were read. A commit anywhere empties it, so an end takes effect at the very next request (CHECKLIST R073).
 */
interface Lookup {
  readonly query: KeptQuery<{ tokenHash: Uint8Array }, JoinedRow>
  readonly kept: Map<TokenHash, JoinedRow>
  version: number | null
}

/** About 5 MB of rows. */
const KEPT_ROWS = 5_000

const lookups = new WeakMap<Database, Lookup>()

function lookupOf(database: Database): Lookup {
  const known = lookups.get(database)
  if (known) return known
  const query: Lookup['query'] = database.keep((db, arg) =>
    db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select((is) => [
        'sessions.id as session_id',
        'sessions.created_at as session_created_at',
        'sessions.authenticated_at',
        'sessions.second_factor_at',
        'sessions.last_seen_at',
        'sessions.expires_at',
        'sessions.amr',
        'users.id',
        'users.external_id',
        'users.email',
        'users.email_verified_at',
        is('users.password_hash', 'is not', null).$castTo<number | boolean>().as('has_password'),
        'users.password_changed_at',
        'users.name',
        'users.metadata',
        'users.disabled_at',
        'users.created_at',
      ])
      .where('sessions.token_hash', '=', arg('tokenHash')),
  )
  const lookup: Lookup = { query, kept: new Map(), version: null }
  lookups.set(database, lookup)
  return lookup
}

async function findRow(database: Database, tokenHash: TokenHash): Promise<JoinedRow | undefined> {
  const lookup = lookupOf(database)
  // Asked before the row is read: a change that comes between makes the next version differ, and the row is read again.
  const version = database.version()
  if (version !== lookup.version || lookup.kept.size >= KEPT_ROWS) lookup.kept.clear()
  lookup.version = version
  const known = version === null ? undefined : lookup.kept.get(tokenHash)
  if (known) return known
  const rows = lookup.query({ tokenHash: tokenHashBytes(tokenHash) })
  const [row] = rows instanceof Promise ? await rows : rows
  if (row && version !== null && lookup.version === version) lookup.kept.set(tokenHash, row)
  return row
}

export async function findSession(database: Database, tokenHash: TokenHash): Promise<FoundSession | null> {
  const row = await findRow(database, tokenHash)
  if (!row) return null
  return {
    id: row.session_id,
    user: toUser(row, Boolean(row.has_password)),
    createdAt: new Date(row.session_created_at),
    authenticatedAt: new Date(row.authenticated_at),
    secondFactorAt: row.second_factor_at === null ? null : new Date(row.second_factor_at),
    lastSeenAt: new Date(row.last_seen_at),
    absoluteEnd: new Date(row.expires_at),
    amr: row.amr.split(' '),
  }
}
