import pg from 'pg'
import { ABSOLUTE_MILLISECONDS, ADDRESS, USER_AGENT } from './made-users.ts'

// made-users.ts in SQL: the server makes the rows itself, which is faster than any way of sending them.
const uuid = (text: string) => `overlay(overlay(md5('${text} ' || n)::uuid::text placing '4' from 15) placing 'a' from 20)`
const base64 = (bytes: string, length: number) => `left(encode(${bytes}, 'base64'), ${length})`
const email = `left(md5('email ' || n), 8) || '.' || n || '@example.com'`
const token = `left(translate(encode(sha256(convert_to('token ' || n, 'UTF8')), 'base64'), '+/=', '-_'), 43)`
const salt = base64(`decode(md5('salt ' || n), 'hex')`, 22)
const passwordHash = `'$argon2id$v=19$m=19456,t=2,p=1$' || ${salt} || '$' || ${base64(`sha256(convert_to('hash ' || n, 'UTF8'))`, 43)}`
const scattered = '((n * 0.6180339887498949::float8) - floor(n * 0.6180339887498949::float8))'
const createdAt = `$3::bigint - floor(${scattered} * 86400000)::bigint`
const lastSeenAt = `$3::bigint + floor((${scattered} * 7 - floor(${scattered} * 7)) * 10800000)::bigint`

const USERS = `
  insert into bienvenue.users
    (id, external_id, email, email_canonical, email_verified_at, password_hash, password_changed_at, name, metadata, disabled_at, created_at, updated_at)
  select ${uuid('user')}, null, ${email}, ${email}, ${createdAt}, ${passwordHash}, ${createdAt}, null, null, null, ${createdAt}, ${createdAt}
  from generate_series($1::bigint, $2::bigint) n`

const SESSIONS = `
  insert into bienvenue.sessions
    (token_hash, id, user_id, created_at, authenticated_at, last_seen_at, expires_at, amr, user_agent, address)
  select sha256(convert_to(${token}, 'UTF8')), ${uuid('session')}, ${uuid('user')}, ${createdAt}, ${createdAt}, ${lastSeenAt},
    ${createdAt} + ${ABSOLUTE_MILLISECONDS}, 'pwd', '${USER_AGENT}', '${ADDRESS}'
  from generate_series($1::bigint, $2::bigint) n`

const INDEXES = `
  select indexname, indexdef from pg_indexes
  where schemaname = 'bienvenue' and tablename in ('users', 'sessions') and indexname not like '%_pkey'`

const BATCH = 50_000

/** Fill a migrated, empty database in the way of fill-sqlite.ts: primary keys grow as in use, the other indexes are made again afterwards. */
export async function fillPostgres(
  url: string,
  fill: { readonly users: number; readonly filledAt: number; readonly onProgress: (done: number) => void },
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // Loading only: every session's user is there, and what a crash would lose is made again.
    await client.query("set session_replication_role = 'replica'; set synchronous_commit = off; set maintenance_work_mem = '512MB'")
    const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(INDEXES)
    for (const { indexname } of indexes) await client.query(`drop index bienvenue.${indexname}`)
    for (let first = 0; first < fill.users; first += BATCH) {
      const last = Math.min(first + BATCH, fill.users) - 1
      await client.query(USERS, [first, last, fill.filledAt])
      await client.query(SESSIONS, [first, last, fill.filledAt])
      fill.onProgress(last + 1)
    }
    for (const { indexdef } of indexes) await client.query(indexdef)
    // As autovacuum would have left it; then nothing of the fill is still being written.
    await client.query('vacuum (analyze) bienvenue.users, bienvenue.sessions')
    await client.query('checkpoint')
  } finally {
    await client.end()
  }
}
