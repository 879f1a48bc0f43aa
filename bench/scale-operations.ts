import { OPERATOR } from '../src/audit/audit-event.ts'
import { type Clock, systemClock } from '../src/clock.ts'
import { parseConfig } from '../src/config.ts'
import { makeKeyring } from '../src/crypto/keyring.ts'
import { systemRandom } from '../src/crypto/random.ts'
import { openDatabase } from '../src/db/database.ts'
import type { Deps } from '../src/deps.ts'
import { makeLog } from '../src/log.ts'
import { findPassword } from '../src/passwords/password-store.ts'
import { sweep } from '../src/service/sweeper.ts'
import { verifySession } from '../src/sessions/session.ts'
import { createUser, requireEmailAddress } from '../src/users/user.ts'
import { deleteUserIn, listUsers } from '../src/users/user-admin.ts'
import { runForJson } from './load.ts'
import { emailOf, passwordHashOf, tokenOf, userIdOf } from './made-users.ts'
import { cpuMicroseconds, pathTo, type ServerProcess, startServer } from './process.ts'
import { median } from './report.ts'

/** How long and how often. */
export interface ScalePlan {
  readonly rounds: number
  readonly lookUps: number
  readonly registrations: number
  readonly expired: number
  readonly pages: number
  readonly loadSeconds: number
}

/** For events alone; the sites hold nothing that is sealed. */
const BENCH_SECRET = [{ version: 'v1', bytes: new Uint8Array(32) }]

/** A filled database with the rules and the real service on it. */
export interface Site extends AsyncDisposable {
  readonly users: number
  readonly deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log' | 'config'>
  readonly service: ServerProcess
}

export async function openSite(users: number, url: string, folder: string): Promise<Site> {
  const config = parseConfig({ DATABASE_URL: url })
  const database = await openDatabase(config.database)
  const service = await startServer({ file: '../src/main.ts', cwd: folder, env: { DATABASE_URL: url } })
  const clock: Clock = systemClock
  return {
    users,
    deps: { database, clock, random: systemRandom, keys: makeKeyring(BENCH_SECRET), log: makeLog('error'), config },
    service,
    async [Symbol.asyncDispose]() {
      await service.stop()
      await database.close()
    },
  }
}

/** What is measured; `measure` gives microseconds for one. */
export interface Operation {
  readonly name: string
  readonly unit: string
  measure(site: Site, plan: ScalePlan): Promise<number>
}

export const SERVICE_CHECK = 'session check, service'
export const CHECK = 'session check, look-up'

const PAGE = 500
const CONNECTIONS = 16

export const OPERATIONS: readonly Operation[] = [
  { name: SERVICE_CHECK, unit: 'CPU µs per request', measure: measureService },
  { name: CHECK, unit: 'µs', measure: measureChecks },
  { name: 'login look-up', unit: 'µs', measure: measureLogins },
  { name: 'registration', unit: 'µs', measure: measureRegistrations },
  { name: 'sweep', unit: 'µs per row removed', measure: measureSweep },
  { name: `list of ${PAGE} users`, unit: 'µs', measure: measureList },
]

const anyOf = (site: Site) => Math.floor(Math.random() * site.users)

/** The median: what the machine does meanwhile strikes some, not most. */
async function microsecondsEach<T>(asked: readonly T[], one: (asked: T) => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (const what of asked) {
    const startedAt = performance.now()
    await one(what)
    times.push((performance.now() - startedAt) * 1_000)
  }
  return median(times)
}

/** CPU time of the service's process: all of it, from the socket to the answer. Rows that it keeps in memory (ADR 0006) are in it. */
async function measureService({ users, service }: Site, { loadSeconds }: ScalePlan): Promise<number> {
  const load = { url: `${service.origin}/profile`, users, connections: CONNECTIONS }
  // The process has rested since its last turn.
  await runForJson([pathTo('random-load.ts'), JSON.stringify({ ...load, seconds: loadSeconds / 4 })], loadSeconds)
  const before = cpuMicroseconds(service.pid)
  const { requests } = await runForJson([pathTo('random-load.ts'), JSON.stringify({ ...load, seconds: loadSeconds })], loadSeconds)
  return (cpuMicroseconds(service.pid) - before) / Number(requests)
}

/** The rule and its query, from a process that keeps no rows: what the database itself costs. */
function measureChecks(site: Site, plan: ScalePlan): Promise<number> {
  const deps = withoutKeptRows(site.deps)
  const tokens = Array.from({ length: plan.lookUps }, () => tokenOf(anyOf(site)))
  return microsecondsEach(tokens, async (token) => {
    if (!(await verifySession(deps, token))) throw new Error('a live session was refused')
  })
}

const unkept = new WeakMap<object, Site['deps']>()

/** A database that cannot tell whether it has changed: nothing of it may be kept. */
function withoutKeptRows(deps: Site['deps']): Site['deps'] {
  const known = unkept.get(deps) ?? { ...deps, database: { ...deps.database, version: () => null } }
  unkept.set(deps, known)
  return known
}

function measureLogins(site: Site, plan: ScalePlan): Promise<number> {
  const addresses = Array.from({ length: plan.lookUps }, () => emailOf(anyOf(site)))
  return microsecondsEach(addresses, async (emailCanonical) => {
    if (!(await findPassword(site.deps.database.reads, { emailCanonical }))?.hash) throw new Error('a user was not found')
  })
}

/** One after another, each its own transaction on the disk; the hash is made before. They leave again. */
async function measureRegistrations(site: Site, plan: ScalePlan): Promise<number> {
  const added: string[] = []
  const newcomers = Array.from({ length: plan.registrations }, (_, n) => ({
    email: requireEmailAddress(`${site.deps.random.uuid()}@example.com`),
    passwordHash: passwordHashOf(n),
  }))
  const each = await microsecondsEach(newcomers, async (newcomer) => added.push((await createUser(site.deps, newcomer, OPERATOR)).id))
  for (const id of added) await site.deps.database.inTransaction((tx) => deleteUserIn(site.deps, tx, id, OPERATOR))
  return each
}

const ROWS_AT_ONCE = 500

/** The service's own sweep, in its batches, of sessions that ended long ago and lie scattered among the others. */
async function measureSweep(site: Site, { expired }: ScalePlan): Promise<number> {
  const { database, random } = site.deps
  for (let done = 0; done < expired; done += ROWS_AT_ONCE) {
    const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, expired - done) }, (_, at) => ({
      token_hash: random.bytes(32),
      id: random.uuid(),
      user_id: userIdOf(anyOf(site)),
      created_at: at,
      authenticated_at: at,
      last_seen_at: at,
      expires_at: at,
      amr: 'pwd',
      user_agent: null,
      address: null,
    }))
    await database.inTransaction((tx) => tx.insertInto('sessions').values(rows).execute())
  }
  const startedAt = performance.now()
  const removed = await sweep(site.deps)
  // The service of the site sweeps too, every ten minutes.
  if (removed === 0) throw new Error('nothing was left to sweep')
  return ((performance.now() - startedAt) * 1_000) / removed
}

function measureList(site: Site, plan: ScalePlan): Promise<number> {
  const places = Array.from({ length: plan.pages }, () => emailOf(anyOf(site)))
  return microsecondsEach(places, (after) => listUsers(site.deps, { after, limit: PAGE }))
}
