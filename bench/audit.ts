// `npm run bench:audit [-- --events 300000 --rounds 8 --seconds 4]`: what the audit log costs a login, and how fast it is verified, on both engines.
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { OPERATOR } from '../src/audit/audit-event.ts'
import { eventRow } from '../src/audit/record.ts'
import { makeSealer } from '../src/audit/sealer.ts'
import { verifyAudit } from '../src/audit/verify.ts'
import { parseConfig } from '../src/config.ts'
import { makeLog } from '../src/log.ts'
import { openDeps } from '../src/open-auth.ts'
import { startPostgres } from '../test/postgres-server.ts'
import { endAtExit, removeAtExit } from './leftovers.ts'
import { machineLine, thisMachine } from './machine.ts'
import { cpuMicroseconds, pathTo, type ServerProcess, startServer } from './process.ts'
import { makeProgress } from './progress.ts'
import { median } from './report.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '4' },
  },
})
const [events, rounds, seconds] = [Number(values.events), Number(values.rounds), Number(values.seconds)]
const progress = makeProgress()

const SECRET = 'v1:7kQ2m9XvT4sLw8ZbN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCzAW'
/** A user for each connection: more than five logins of one at the same moment are one too many. */
const formOf = (client: number) => `email=ann${client}@example.com&password=correct+horse+battery+staple`
const CONNECTIONS = 8
/** In one statement, of 19 values each; SQLite takes 32766. */
const FILL_ROWS = 1_000
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })

const folder = mkdtempSync(join(tmpdir(), 'bienvenue-bench-audit-'))
removeAtExit(folder)
console.log(machineLine(thisMachine()))
try {
  await measure('SQLite', (name) => Promise.resolve(`file:${folder}/${name}.db`))
  await using server = await startPostgres({ fsync: true })
  endAtExit(server)
  await measure('PostgreSQL', (name) => createDatabase(server.url, name))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`create database audit_${name}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/audit_${name}`
  return url.href
}

async function measure(engine: string, makeUrl: (name: string) => Promise<string>): Promise<void> {
  if (rounds > 0) await measureLogins(engine, makeUrl)
  await measureVerify(engine, await makeUrl('verify'))
}

async function measureLogins(engine: string, makeUrl: (name: string) => Promise<string>): Promise<void> {
  const [on, off] = [await start(await makeUrl('on'), []), await start(await makeUrl('off'), ['--import', pathTo('without-audit.ts')])]
  const results = { on: [] as Round[], off: [] as Round[] }
  try {
    for (const server of [on, off]) for (let client = 0; client < CONNECTIONS; client++) await post(server, '/users', formOf(client))
    // Turn by turn, so that whatever else the machine does falls on both.
    for (let round = 0; round <= rounds; round++) {
      progress(`${engine}: logins, round ${round} of ${rounds}`)
      const order = round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)
      for (const which of order) {
        const result = await logInAgain(which === 'on' ? on : off)
        // The first one warms up.
        if (round > 0) results[which].push(result)
      }
    }
  } finally {
    await Promise.all([on.stop(), off.stop()])
  }
  for (const unit of ['perSecond', 'cpuMilliseconds'] as const) {
    const [withLog, without] = [results.on, results.off].map((list) => median(list.map((one) => one[unit])))
    const change = median(results.on.map((one, round) => one[unit] / (results.off[round]?.[unit] ?? 1) - 1))
    const name = unit === 'perSecond' ? 'logins a second' : 'CPU milliseconds a login'
    progress('')
    console.log(
      `${engine}: ${name}: ${withLog?.toFixed(1)} with the log, ${without?.toFixed(1)} without; ${(100 * change).toFixed(1)} % in the median of ${rounds} pairs`,
    )
  }
}

function start(url: string, nodeOptions: readonly string[]): Promise<ServerProcess> {
  const env = { DATABASE_URL: url, BIENVENUE_SECRET: SECRET, BIENVENUE_LOG_LEVEL: 'warn' }
  return startServer({ file: '../src/main.ts', cwd: folder, nodeOptions, env })
}

interface Round {
  readonly perSecond: number
  readonly cpuMilliseconds: number
}

/** As many logins as so many connections carry; each browser comes anew, as a person does. */
async function logInAgain(server: ServerProcess): Promise<Round> {
  const [startedAt, cpu] = [performance.now(), cpuMicroseconds(server.pid)]
  let logins = 0
  const client = async (_: unknown, number: number) => {
    while (performance.now() - startedAt < seconds * 1_000) {
      await post(server, '/sessions', formOf(number))
      logins++
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }).map(client))
  const took = (performance.now() - startedAt) / 1_000
  return { perSecond: logins / took, cpuMilliseconds: (cpuMicroseconds(server.pid) - cpu) / 1_000 / logins }
}

function post(server: ServerProcess, path: string, form: string): Promise<void> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': form.length }
  return new Promise((resolve, reject) => {
    const sent = request(`${server.origin}${path}`, { method: 'POST', agent, headers }, (response) => {
      response
        .resume()
        .on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${path} answered ${response.statusCode}`))))
    })
    sent.on('error', reject).end(form)
  })
}

async function measureVerify(engine: string, url: string): Promise<void> {
  const config = parseConfig({ DATABASE_URL: url, BIENVENUE_SECRET: SECRET })
  const deps = await openDeps(config, { log: makeLog('warn') })
  try {
    const sealer = makeSealer(deps)
    const filledAt = performance.now()
    for (let done = 0; done < events; done += FILL_ROWS) {
      progress(`${engine}: ${done} of ${events} events written and sealed`)
      const rows = Array.from({ length: Math.min(FILL_ROWS, events - done) }, (_, one) => eventRow(deps, madeEvent(done + one)))
      await deps.database.inTransaction((tx) => tx.insertInto('audit_events').values(rows).execute())
      await sealer.runDue()
    }
    const fillSeconds = (performance.now() - filledAt) / 1_000
    const rates: number[] = []
    const cpuEach: number[] = []
    for (let time = 0; time < 3; time++) {
      const [startedAt, cpu] = [performance.now(), process.cpuUsage()]
      const onRows = (rows: number) => progress(`${engine}: ${rows} of ${events} events verified`)
      const verdict = await verifyAudit(deps, { heads: [], onRows })
      rates.push((1_000 * verdict.sealed) / (performance.now() - startedAt))
      const { user, system } = process.cpuUsage(cpu)
      cpuEach.push((user + system) / verdict.sealed)
      if (!verdict.intact || verdict.sealed !== events) throw new Error(`not intact: ${JSON.stringify(verdict)}`)
    }
    await sealer.stop()
    progress('')
    console.log(
      `${engine}: ${events} events written and sealed in ${fillSeconds.toFixed(1)} s; verified at ${rates.map((rate) => Math.round(rate).toLocaleString('en')).join(', ')} a second, with ${median(cpuEach).toFixed(1)} CPU microseconds each`,
    )
  } finally {
    await deps.database.close()
  }
}

function madeEvent(number: number) {
  const id = `00000000-0000-4000-8000-${String(number % 10_000).padStart(12, '0')}`
  const origin = {
    address: `192.0.2.${number % 256}`,
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    requestId: id,
  }
  return {
    ...OPERATOR,
    name: 'authn_login_success',
    outcome: 'success',
    actor: { user: id },
    subject: id,
    session: id,
    origin,
    factors: ['pwd'],
  } as const
}
