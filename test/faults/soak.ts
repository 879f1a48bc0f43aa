import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { residentMegabytes } from '../../bench/process.ts'
import { median } from '../../bench/report.ts'
import { startService } from '../service-process.ts'
import { askForReset, checkEnded, checkLive, logIn, logOut, pick, register, rename } from './actions.ts'
import { type Ledger, type LedgerUser, makeLedger } from './ledger.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { fasterService } from './service-under-test.ts'
import { openStage, type Stage } from './stage.ts'
import { verify } from './verify.ts'

const MINUTE_MILLISECONDS = 60_000
const SHORT_MILLISECONDS = 15_000
/** In the short form an hour passes in 15 seconds, for the clock and for the sweeper. */
const SHORT_SPEED = 240
/** Of the service's clock. Sessions are left alone after one use, and so end by themselves, as reset tokens do. */
const IDLE_MINUTES = 10
const RESET_MINUTES = 10
/** src/open-auth.ts. */
const SWEEP_MINUTES = 10
const REQUESTS_PER_SECOND = 20
const SAMPLES = 60

interface Sample {
  readonly at: number
  readonly resident: number
  readonly files: number
}

export const soak: Scenario = {
  number: 7,
  title: 'soak',
  engines: ['sqlite', 'postgres'],
  async run({ engine, postgres, short, soakMinutes, progress }) {
    const milliseconds = short ? SHORT_MILLISECONDS : soakMinutes * MINUTE_MILLISECONDS
    const speed = short ? SHORT_SPEED : 1
    const lifetimes = { BIENVENUE_SESSION_IDLE: `${IDLE_MINUTES}m`, BIENVENUE_RESET_TOKEN_TTL: `${RESET_MINUTES}m` }
    await using stage = await openStage(engine, postgres)
    const env = { ...stage.env, ...lifetimes }
    await using service = short ? await startService(stage.folder, env, fasterService(speed)) : await startService(stage.folder, env)
    const ledger = makeLedger(service.url)
    // So many that no user has fifty sessions at once, of which the oldest would give way.
    const users = short ? 10 : 200
    for (let user = 0; user < users; user++) await register(ledger)
    ledger.beginOutageCount()
    const samples: Sample[] = []
    const sample = () => samples.push({ at: Date.now(), resident: residentMegabytes(service.pid).now, files: openFiles(service.pid) })
    let begun = 0
    const endsAt = Date.now() + milliseconds
    let sampledAt = 0
    while (Date.now() < endsAt) {
      begun += await visit(ledger, speed)
      if (Date.now() - sampledAt > milliseconds / SAMPLES) {
        sampledAt = Date.now()
        sample()
        progress(`${Math.round((endsAt - sampledAt) / 1_000)} s to go, ${samples.at(-1)?.resident.toFixed(0)} MB, ${begun} sessions begun`)
      }
    }
    const now = short ? ((await service.tell({})) as { now: number }).now : Date.now()
    const rows = await leftOver(stage, now)
    if (rows.overdue > 0) ledger.blame(`${rows.overdue} rows that ended three sweeps ago are still there`)
    await verify(ledger, stage, { logins: false })
    ledger.client.close()
    return reportOf(ledger, {
      'sessions begun': begun,
      'session rows at the end': rows.sessions,
      'reset token rows': rows.tokens,
      ...trend(samples),
    })
  },
}

/**
 * A login; a few requests; then it is logged out or left alone for good: in the ledger it is then neither live nor ended.
 *
 * @returns how many sessions were begun
 */
async function visit(ledger: Ledger, speed: number): Promise<number> {
  const user: LedgerUser = pick(ledger.users)
  const pause = () => delay(1_000 / REQUESTS_PER_SECOND)
  const begunAt = performance.now()
  if ((await logIn(ledger, user)) !== 'good') return 0
  for (const action of [checkLive, rename, checkLive, askForReset]) {
    await pause()
    // Held up for so long, on a machine that does much else, a session under the fast clock may have ended by itself.
    if ((performance.now() - begunAt) * speed > (IDLE_MINUTES - 1) * MINUTE_MILLISECONDS) break
    await action(ledger, user)
  }
  if (Math.random() < 0.3) {
    await logOut(ledger, user)
    await checkEnded(ledger, user)
  }
  user.live.length = 0
  return 1
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Rows now, and those among them that ended so long ago that the sweeper must have passed since. */
async function leftOver(stage: Stage, now: number): Promise<{ sessions: number; tokens: number; overdue: number }> {
  const count = async (sql: string) => Number(Object.values((await stage.rows(sql))[0] ?? {})[0])
  const sweptBefore = Math.round(now - 3 * SWEEP_MINUTES * MINUTE_MILLISECONDS)
  const idleBefore = sweptBefore - IDLE_MINUTES * MINUTE_MILLISECONDS
  return {
    sessions: await count('select count(*) from TABLE:sessions'),
    tokens: await count('select count(*) from TABLE:reset_tokens'),
    overdue:
      (await count(`select count(*) from TABLE:sessions where last_seen_at <= ${idleBefore}`)) +
      (await count(`select count(*) from TABLE:reset_tokens where expires_at <= ${sweptBefore}`)),
  }
}

/** The first quarter of the samples beside the last, and the slope of memory by least squares. */
function trend(samples: readonly Sample[]): Record<string, string> {
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  const [first, last] = [samples.slice(0, quarter), samples.slice(-quarter)]
  const megabytes = (part: readonly Sample[]) => median(part.map(({ resident }) => resident)).toFixed(0)
  const files = (part: readonly Sample[]) => median(part.map((one) => one.files))
  return {
    'memory, first and last quarter': `${megabytes(first)} and ${megabytes(last)} MB`,
    'memory grows by': `${(slope(samples) * MINUTE_MILLISECONDS).toFixed(2)} MB a minute`,
    'open files, first and last quarter': `${files(first)} and ${files(last)}`,
  }
}

function slope(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [at, resident] = [mean(samples.map((one) => one.at)), mean(samples.map((one) => one.resident))]
  const above = samples.reduce((sum, one) => sum + (one.at - at) * (one.resident - resident), 0)
  return above / samples.reduce((sum, one) => sum + (one.at - at) ** 2, 0)
}
