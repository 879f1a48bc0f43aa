// `npm run bench -- --drivers`: pg and postgres as drivers of the session check's query, and what a session check sends over the wire.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { systemClock } from '../src/clock.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { startPostgres } from '../test/postgres-server.ts'
import { fillPostgres } from './fill-postgres.ts'
import { ensureInstalled } from './install.ts'
import { endAtExit } from './leftovers.ts'
import { type Machine, machineLine, thisMachine } from './machine.ts'
import { tokenOf } from './made-users.ts'
import { pathTo, type ServerProcess, startServer, withDeadline } from './process.ts'
import type { Progress } from './progress.ts'
import { median, ratio, section } from './report.ts'
import { watchWire } from './wire.ts'

const VARIANTS = ['pg kept', 'postgres kept', 'pg pipelined', 'pg kysely', 'postgres kysely', 'pg unprepared', 'postgres unprepared']
const AT_ONCE = [1, 16, 64]
const USERS = 100_000
const WIRE_CHECKS = 1_000
const ANSWER_MILLISECONDS = 30_000

interface DriverResult {
  readonly variant: string
  readonly atOnce: number
  /** One value a round. */
  readonly cpuMicroseconds: number[]
  readonly perSecond: number[]
  readonly p99: number[]
}

interface DriverReport {
  readonly at: string
  readonly machine: Machine
  readonly users: number
  readonly results: readonly DriverResult[]
  /** Messages that so many session checks of the real service sent to PostgreSQL, by kind. */
  readonly wire: {
    readonly checks: number
    readonly first: Readonly<Record<string, number>>
    readonly rest: Readonly<Record<string, number>>
  }
}

export async function benchDrivers(options: { readonly quick: boolean; readonly json: boolean }, progress: Progress): Promise<void> {
  ensureInstalled()
  await using server = await startPostgres({ fsync: true, flags: ['shared_buffers=1GB'] })
  endAtExit(server)
  progress(`filling PostgreSQL with ${USERS} users`)
  const filledAt = systemClock.now()
  const database = await openDatabase({ engine: 'postgres', url: server.url, poolSize: 1, prepare: true })
  await migrate(database, systemClock)
  await database.close()
  await fillPostgres(server.url, { users: USERS, filledAt, onProgress: () => {} })

  const results = await measureVariants(
    server.url,
    options.quick ? { rounds: 2, milliseconds: 500 } : { rounds: 9, milliseconds: 1_000 },
    progress,
  )
  progress('what a session check sends')
  const wire = await countWire(server.url, server.port)
  const report: DriverReport = { at: new Date(filledAt).toISOString(), machine: thisMachine(), users: USERS, results, wire }
  const json = `${JSON.stringify(report, null, 2)}\n`
  mkdirSync(pathTo('results'), { recursive: true })
  writeFileSync(pathTo('results/drivers.json'), json)
  progress('')
  process.stdout.write(options.json ? json : render(report))
}

async function measureVariants(
  url: string,
  plan: { readonly rounds: number; readonly milliseconds: number },
  progress: Progress,
): Promise<DriverResult[]> {
  const clients = new Map<string, ServerProcess>()
  const results: DriverResult[] = AT_ONCE.flatMap((atOnce) =>
    VARIANTS.map((variant) => ({ variant, atOnce, cpuMicroseconds: [], perSecond: [], p99: [] })),
  )
  try {
    for (const variant of VARIANTS) {
      const env = { VARIANT: variant, DATABASE_URL: url, USERS: `${USERS}` }
      clients.set(variant, await startServer({ file: 'servers/driver-client.ts', env }))
    }
    await requireOneAnswer(clients)
    // Round 0 opens the connections and compiles the code.
    for (let round = 0; round <= plan.rounds; round++) {
      for (const { variant, atOnce, cpuMicroseconds, perSecond, p99 } of results) {
        progress(`round ${round} of ${plan.rounds}: ${variant}, ${atOnce} at once`)
        const figures = await clients.get(variant)?.ask(JSON.stringify({ atOnce, milliseconds: plan.milliseconds }))
        if (round === 0) continue
        cpuMicroseconds.push(Number(figures?.cpuMicroseconds))
        perSecond.push(Number(figures?.perSecond))
        p99.push(Number(figures?.p99))
      }
    }
  } finally {
    // The server waits for its clients before it ends.
    for (const client of clients.values()) await client.stop()
  }
  return results
}

/** What is compared must be the same work. */
async function requireOneAnswer(clients: ReadonlyMap<string, ServerProcess>): Promise<void> {
  const rows = new Set<string>()
  for (const client of clients.values())
    rows.add(JSON.stringify(await withDeadline(client.ask('{"row":7}'), ANSWER_MILLISECONDS, 'a driver did not answer')))
  if (rows.size !== 1) throw new Error(`the variants read different rows: ${[...rows].join('\n')}`)
}

/** The real service, with a relay between it and PostgreSQL, asked "who is this?" by one user after another. */
async function countWire(url: string, port: number): Promise<DriverReport['wire']> {
  const folder = mkdtempSync(`${tmpdir()}/bienvenue-bench-`)
  await using wire = await watchWire(port)
  const watched = new URL(url)
  watched.port = `${wire.port}`
  const service = await startServer({ file: '../src/main.ts', cwd: folder, env: { DATABASE_URL: watched.href } })
  const check = async (n: number) => {
    const response = await fetch(`${service.origin}/profile`, { headers: { cookie: `session_id=${tokenOf(n)}` } })
    if (!response.ok) throw new Error(`GET /profile answered ${response.status}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  try {
    wire.take()
    await check(0)
    const first = wire.take()
    for (let n = 1; n <= WIRE_CHECKS; n++) await check(n)
    return { checks: WIRE_CHECKS, first, rest: wire.take() }
  } finally {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function render({ machine, users, results, wire }: DriverReport): string {
  const number = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1))
  const messages = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')
  return `${[
    machineLine(machine),
    ...AT_ONCE.map((atOnce) =>
      section(`Session look-up among ${users} users, ${atOnce} at once, 10 connections (medians; spread of the rounds)`, [
        ['variant', 'CPU µs', 'spread', `x ${VARIANTS[0]}`, 'a second', 'p99 ms'],
        ...results
          .filter((one) => one.atOnce === atOnce)
          .map((one) => [
            one.variant,
            number(median(one.cpuMicroseconds)),
            `${number(Math.min(...one.cpuMicroseconds))}..${number(Math.max(...one.cpuMicroseconds))}`,
            ratio(one.cpuMicroseconds, results.find((other) => other.atOnce === atOnce)?.cpuMicroseconds ?? []).toFixed(2),
            number(median(one.perSecond)),
            median(one.p99).toFixed(2),
          ]),
      ]),
    ),
    `The first session check on a connection sent ${messages(wire.first)}; the next ${wire.checks} sent ${messages(wire.rest)}.\n` +
      'P parses, B binds, D describes, E executes a query; S ends a round trip.',
  ].join('\n\n')}\n`
}
