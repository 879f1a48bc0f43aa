// One driver on the session check's query, alone in its process, so that its CPU time is its own. VARIANT says which.
// Each line of standard input, {"atOnce":…,"milliseconds":…}, is answered by a line of figures; {"row":n} by user n's row.
import { createInterface } from 'node:readline'
import { Kysely } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import type { TokenHash } from '../../src/crypto/opaque-token.ts'
import type { Database, Db, KeptQueryBuilder } from '../../src/db/database.ts'
import { placeholders } from '../../src/db/kept-query.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { findSession } from '../../src/sessions/session-store.ts'
import { tokenHashOf } from '../made-users.ts'

type Args = { tokenHash: Uint8Array }
type Builder = KeptQueryBuilder<Args, unknown>
type LookUp = (tokenHash: Uint8Array) => Promise<readonly unknown[]>

const CONNECTIONS = 10
const url = process.env.DATABASE_URL ?? ''
const users = Number(process.env.USERS)

/** The query as the store builds it, caught on its way to the database. */
async function sessionQuery(): Promise<Builder> {
  let caught: Builder | undefined
  const keep = (build: Builder) => {
    caught = build
    return () => []
  }
  await findSession({ keep, version: () => null } as unknown as Database, '00' as TokenHash)
  if (!caught) throw new Error('the session check kept no query')
  return caught
}

const under = (db: Db, build: Builder): LookUp => {
  return (tokenHash) => build(db, () => tokenHash as never).execute()
}

/** The service's own module. */
async function withPg(prepare: boolean) {
  return openPostgres({ url, poolSize: CONNECTIONS, prepare })
}

/** Set up to do what src/db/postgres.ts asks of pg. Not with `fetch_types: false`: then the first `reserve()`, which Kysely begins with, never returns. */
function withPostgres(prepare: boolean) {
  return postgres(url, {
    max: CONNECTIONS,
    prepare,
    connect_timeout: 3,
    connection: { application_name: 'bienvenue', statement_timeout: 5_000, lock_timeout: 3_000 },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  })
}

function postgresKept(build: Builder, prepare: boolean): LookUp {
  const sql = withPostgres(prepare)
  const { sql: text, valuesOf } = placeholders(kyselyOver(sql), build)
  return (tokenHash) => sql.unsafe(text, valuesOf({ tokenHash }) as never[], { prepare })
}

function kyselyOver(sql: ReturnType<typeof withPostgres>): Db {
  return new Kysely({ dialect: new PostgresJSDialect({ postgres: sql }) }).withSchema('bienvenue') as unknown as Db
}

/** What pg could do without its pool: clients that send the next query before the last is answered. */
async function pgPipelined(build: Builder): Promise<LookUp> {
  const { sql: text, valuesOf } = placeholders((await withPg(true)).reads, build)
  const types = { getTypeParser: (oid: number) => (oid === 20 ? Number : pg.types.getTypeParser(oid)) }
  const clients = Array.from(
    { length: CONNECTIONS },
    () => new pg.Client({ connectionString: url, pipeline: true, types } as pg.ClientConfig),
  )
  await Promise.all(clients.map((client) => client.connect()))
  let next = 0
  return async (tokenHash) => {
    const client = clients[next++ % CONNECTIONS] as pg.Client
    return (await client.query({ name: 'check', text, values: valuesOf({ tokenHash }) })).rows
  }
}

const VARIANTS: Record<string, (build: Builder) => Promise<LookUp> | LookUp> = {
  'pg kept': async (build) => {
    const query = (await withPg(true)).keep(build)
    return async (tokenHash) => query({ tokenHash })
  },
  'pg kysely': async (build) => under((await withPg(true)).reads, build),
  'pg unprepared': async (build) => {
    const query = (await withPg(false)).keep(build)
    return async (tokenHash) => query({ tokenHash })
  },
  'pg pipelined': pgPipelined,
  'postgres kept': (build) => postgresKept(build, true),
  'postgres kysely': (build) => under(kyselyOver(withPostgres(true)), build),
  'postgres unprepared': (build) => postgresKept(build, false),
}

const make = VARIANTS[process.env.VARIANT ?? '']
if (!make) throw new Error(`no such variant: ${process.env.VARIANT}`)
const lookUp = await make(await sessionQuery())

async function one(latencies: number[]): Promise<void> {
  const tokenHash = tokenHashOf(Math.floor(Math.random() * users))
  const startedAt = performance.now()
  const rows = await lookUp(tokenHash)
  latencies.push(performance.now() - startedAt)
  if (rows.length !== 1) throw new Error(`${rows.length} rows for one session`)
}

async function measure({ atOnce, milliseconds }: { readonly atOnce: number; readonly milliseconds: number }) {
  const latencies: number[] = []
  const startedAt = performance.now()
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() - startedAt < milliseconds) await one(latencies)
    }),
  )
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - startedAt) / 1_000
  latencies.sort((a, b) => a - b)
  return {
    cpuMicroseconds: (user + system) / latencies.length,
    perSecond: latencies.length / seconds,
    p99: latencies[Math.floor(latencies.length * 0.99)],
  }
}

console.log(JSON.stringify({ port: 0 }))
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  console.log(JSON.stringify(asked.row === undefined ? await measure(asked) : { row: (await lookUp(tokenHashOf(asked.row)))[0] }))
}
