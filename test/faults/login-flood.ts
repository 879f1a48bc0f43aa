import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { pathTo, residentMegabytes } from '../../bench/process.ts'
import { startService } from '../service-process.ts'
import { logIn, pick, register } from './actions.ts'
import { tokenOf } from './client.ts'
import { type Ledger, type LedgerUser, makeLedger } from './ledger.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { openStage } from './stage.ts'
import { verify } from './verify.ts'

const CLIENTS = 500
/** Of one user five logins may be under way at once (docs/throttles.md). */
const CLIENTS_PER_USER = 4
const USERS = 1 + CLIENTS / CLIENTS_PER_USER
/** As many as the hash queue takes of one process. */
const REGISTERED_AT_ONCE = 25
const CHECKS_PER_SECOND = 100
const TARGET_P99_MILLISECONDS = 25
const TARGET_OVERFLOW_MILLISECONDS = 1_000

export const loginFlood: Scenario = {
  number: 4,
  title: '500 logins at once',
  engines: ['sqlite', 'postgres'],
  // Passwords are hashed before any database is asked.
  shortEngines: ['sqlite'],
  async run({ engine, postgres, short, progress }) {
    const seconds = short ? 1 : 30
    await using stage = await openStage(engine, postgres)
    await using service = await startService(stage.folder, stage.env)
    const ledger = makeLedger(service.url)
    while (ledger.users.length < USERS)
      await Promise.all(Array.from({ length: Math.min(REGISTERED_AT_ONCE, USERS - ledger.users.length) }, () => register(ledger)))
    const checked = ledger.users[0] as LedgerUser
    await logIn(ledger, checked)
    const before = residentMegabytes(service.pid).now
    progress(`${CLIENTS} clients for ${seconds} s`)
    const flood = startFlood(ledger)
    const target = new URL('/profile', service.url)
    target.hostname = '127.0.0.1'
    const headers = { cookie: `session_id=${checked.live[0]}` }
    const checks = await probe({ url: target.href, headers, perSecond: CHECKS_PER_SECOND, seconds })
    if (checks.failed > 0) ledger.blame(`${checks.failed} session checks beside the logins were not answered with 200`)
    await flood.stop()
    const { peak } = residentMegabytes(service.pid)
    progress('checking')
    await verify(ledger, stage, { logins: true })
    ledger.client.close()
    return reportOf(ledger, {
      'refused with 503': flood.refusals.length,
      'slowest refusal': against(Math.max(...flood.refusals), TARGET_OVERFLOW_MILLISECONDS),
      'session checks p99': against(checks.p99, TARGET_P99_MILLISECONDS),
      'memory before': `${Math.round(before)} MB`,
      'memory at its highest': `${Math.round(peak)} MB`,
    })
  },
}

/** Requests at a fixed rate, from a process that does nothing else. */
async function probe(asked: object): Promise<{ failed: number; p99: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [pathTo('probe.ts'), JSON.stringify(asked)])
  return JSON.parse(stdout)
}

function against(milliseconds: number, target: number): string {
  return `${milliseconds.toFixed(1)} ms (target ${target} ms: ${milliseconds <= target ? 'met' : `${(milliseconds / target).toFixed(1)} times that`})`
}

/** Each client logs in again as soon as it is logged in, and waits as it is told when it is refused. Its earlier session ends with the login. */
function startFlood(ledger: Ledger) {
  const refusals: number[] = []
  let stopping = false
  const ending = new AbortController()
  async function client(user: LedgerUser): Promise<void> {
    let session: string | null = null
    while (!stopping) {
      const json = { email: user.email, password: user.password }
      const asked = { json, ...(session !== null && { session }) }
      const { verdict, answer } = await ledger.ask('POST', '/sessions', asked, (one) => tokenOf(one) !== null)
      if (verdict === 'refused') {
        refusals.push(answer.milliseconds)
        const seconds = Number(answer.headers['retry-after'])
        await delay(seconds * 1_000, undefined, { signal: ending.signal }).catch(() => {})
      } else if (verdict === 'good') {
        ledger.acknowledge()
        if (session !== null) {
          user.live.splice(user.live.indexOf(session), 1)
          user.ended.push(session)
        }
        session = tokenOf(answer)
        if (session !== null) user.live.push(session)
      } else if (session !== null) {
        // It may have ended with the login that was not answered.
        user.live.splice(user.live.indexOf(session), 1)
        session = null
      }
    }
  }
  const users = ledger.users.slice(1)
  const running = Array.from({ length: CLIENTS }, (_, at) => client(users[at % users.length] ?? pick(users)))
  return {
    refusals,
    async stop() {
      stopping = true
      ending.abort()
      await Promise.all(running)
    },
  }
}
