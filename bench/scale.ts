// `npm run bench -- --users 1k,100k,1m,10m [--engine sqlite|postgres|both] [--plot FILE] [--quick] [--json]`: fills each engine with so many users
// and measures what may grow with their number. All sizes of an engine stand side by side and take turns, so that a slow minute strikes them all.
import { mkdirSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import pg from 'pg'
import { systemClock } from '../src/clock.ts'
import { parseConfig } from '../src/config.ts'
import { type Engine, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { startPostgres } from '../test/postgres-server.ts'
import { fillPostgres } from './fill-postgres.ts'
import { fillSqlite } from './fill-sqlite.ts'
import { endAtExit, removeAtExit } from './leftovers.ts'
import { thisMachine } from './machine.ts'
import { pathTo } from './process.ts'
import type { Progress } from './progress.ts'
import { parseSizes, sizeText } from './scale-numbers.ts'
import { OPERATIONS, openSite, type ScalePlan, type Site } from './scale-operations.ts'
import { plot } from './scale-plot.ts'
import { type Filled, renderScale, type ScaleReport, type ScaleResult } from './scale-report.ts'

const WHOLE: ScalePlan = { rounds: 3, lookUps: 4_000, registrations: 100, expired: 10_000, pages: 20, loadSeconds: 3 }
const QUICK: ScalePlan = { rounds: 1, lookUps: 200, registrations: 10, expired: 100, pages: 2, loadSeconds: 0.2 }

/** Of a user with a session, indexes included, and PostgreSQL's log of it; rather too much than too little. */
const ROOM_BYTES: Record<Engine, number> = { sqlite: 1_300, postgres: 1_400 }
const POSTGRES_LOG_BYTES = 5e9
const POSTGRES_FLAGS = ['shared_buffers=1GB', 'max_wal_size=4GB', 'checkpoint_timeout=15min', 'wal_level=minimal', 'max_wal_senders=0']

export interface ScaleOptions {
  readonly users: string
  readonly engine: string
  readonly plot?: string | undefined
  readonly quick: boolean
  readonly json: boolean
}

interface Stand {
  readonly filled: Filled
  readonly site: Site
}

export async function benchScale(options: ScaleOptions, progress: Progress): Promise<void> {
  const sizes = parseSizes(options.users)
  const results: ScaleResult[] = []
  const filled: Filled[] = []
  for (const engine of enginesOf(options.engine)) {
    requireRoom(engine, sizes)
    const done = engine === 'sqlite' ? await onSqlite(sizes, options, progress) : await onPostgres(sizes, options, progress)
    results.push(...done.results)
    filled.push(...done.filled)
  }
  const at = new Date(systemClock.now()).toISOString()
  const report: ScaleReport = { at, machine: thisMachine(), quick: options.quick, filled, results }
  const json = `${JSON.stringify(report, null, 2)}\n`
  const kept = `results/scale-${options.engine}${options.quick ? '-quick' : ''}.json`
  const drawing = options.plot ?? pathTo('../docs/scale.svg')
  mkdirSync(pathTo('results'), { recursive: true })
  writeFileSync(pathTo(kept), json)
  writeFileSync(drawing, plot(report))
  progress('')
  process.stdout.write(options.json ? json : `${renderScale(report)}\nThe plot is in ${drawing}, all of it in bench/${kept}\n`)
}

function enginesOf(text: string): Engine[] {
  if (text === 'both') return ['sqlite', 'postgres']
  if (text === 'sqlite' || text === 'postgres') return [text]
  throw new Error(`--engine: "${text}" is none; write sqlite, postgres or both`)
}

function requireRoom(engine: Engine, sizes: readonly number[]): void {
  const { bavail, bsize } = statfsSync(tmpdir())
  const needed = ROOM_BYTES[engine] * sizes.reduce((sum, size) => sum + size, 0) + (engine === 'postgres' ? POSTGRES_LOG_BYTES : 0)
  if (bavail * bsize > needed) return
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  throw new Error(
    `${tmpdir()} has ${gigabytes(bavail * bsize)} free and ${engine} may need ${gigabytes(needed)}; set TMPDIR to a folder with more room`,
  )
}

type Outcome = Pick<ScaleReport, 'filled' | 'results'>

async function onSqlite(sizes: readonly number[], options: ScaleOptions, progress: Progress): Promise<Outcome> {
  const folder = mkdtempSync(`${tmpdir()}/bienvenue-bench-`)
  removeAtExit(folder)
  try {
    return await measureStands('sqlite', sizes, options, progress, async (users) => {
      const file = `${folder}/${users}.db`
      const seconds = await fill(`file:${file}`, users, progress, (filling) => fillSqlite(file, filling))
      return {
        filled: { engine: 'sqlite', users, seconds, bytes: statSync(file).size },
        site: await openSite(users, `file:${file}`, folder),
      }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function onPostgres(sizes: readonly number[], options: ScaleOptions, progress: Progress): Promise<Outcome> {
  const folder = mkdtempSync(`${tmpdir()}/bienvenue-bench-`)
  removeAtExit(folder)
  await using server = await startPostgres({ fsync: true, flags: POSTGRES_FLAGS })
  endAtExit(server)
  try {
    return await measureStands('postgres', sizes, options, progress, async (users) => {
      const name = `users_${users}`
      const url = new URL(server.url)
      await ask(url.href, `create database ${name}`)
      url.pathname = `/${name}`
      const seconds = await fill(url.href, users, progress, (filling) => fillPostgres(url.href, filling))
      const [row] = await ask(
        url.href,
        "select pg_total_relation_size('bienvenue.users') + pg_total_relation_size('bienvenue.sessions') as bytes",
      )
      return { filled: { engine: 'postgres', users, seconds, bytes: Number(row?.bytes) }, site: await openSite(users, url.href, folder) }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ask(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

/** Migrate and fill. @returns seconds */
async function fill(
  url: string,
  users: number,
  progress: Progress,
  rows: (filling: Parameters<typeof fillSqlite>[1]) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now()
  const database = await openDatabase(parseConfig({ DATABASE_URL: url }).database)
  await migrate(database, systemClock)
  await database.close()
  await rows({
    users,
    filledAt: systemClock.now(),
    onProgress: (done) =>
      progress(
        `${url.startsWith('file:') ? 'SQLite' : 'PostgreSQL'}, ${sizeText(users)} users: ${((100 * done) / users).toFixed(0)} % filled`,
      ),
  })
  return (performance.now() - startedAt) / 1_000
}

async function measureStands(
  engine: Engine,
  sizes: readonly number[],
  { quick }: ScaleOptions,
  progress: Progress,
  make: (users: number) => Promise<Stand>,
): Promise<Outcome> {
  await using scope = new AsyncDisposableStack()
  const stands: Stand[] = []
  for (const users of sizes) {
    const stand = await make(users)
    scope.use(stand.site)
    stands.push(stand)
  }
  const plan = quick ? QUICK : WHOLE
  const results = OPERATIONS.flatMap(({ name, unit }) =>
    sizes.map((users): ScaleResult => ({ engine, users, operation: name, unit, rounds: [] })),
  )
  // Round 0 compiles the code and brings the pages that everybody needs into memory.
  for (let round = quick ? 1 : 0; round <= plan.rounds; round++) {
    for (const operation of OPERATIONS) {
      for (const { site } of stands) {
        progress(`${engine}, round ${round} of ${plan.rounds}: ${operation.name}, ${sizeText(site.users)} users`)
        const value = await operation.measure(site, plan)
        if (round === 0) continue
        results.find(({ users, operation: name }) => users === site.users && name === operation.name)?.rounds.push(value)
      }
    }
    // Hours may have gone into it: what was measured is kept whatever comes.
    mkdirSync(pathTo('results'), { recursive: true })
    writeFileSync(
      pathTo(`results/scale-${engine}-unfinished.json`),
      JSON.stringify({ filled: stands.map(({ filled }) => filled), results }),
    )
  }
  return { filled: stands.map(({ filled }) => filled), results }
}
