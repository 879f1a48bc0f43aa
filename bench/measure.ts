import { type Latencies, load, probe, type Target } from './load.ts'
import { cpuMicroseconds, residentMegabytes, type ServerProcess, startServer, timeToFirstAnswer } from './process.ts'
import type { Progress } from './progress.ts'
import { BARE, type Subject, send } from './subjects.ts'

/** How long and how often; see run.ts. */
export interface Plan {
  /** How many of a subject's session checks. */
  readonly checkPaths: number
  readonly checkRounds: number
  readonly checkSeconds: number
  readonly loginRounds: number
  readonly loginSeconds: number
  readonly latencyRounds: number
  readonly latencySeconds: number
  readonly starts: number
  readonly restSeconds: number
  readonly memoryLoadSeconds: number
}

/** A subject that runs, with one user who is logged in and another who logs in again and again. */
export interface Running {
  readonly subject: Subject
  readonly server: ServerProcess
  readonly cookie: string
}

/** One value a round, in the order of the rounds, so that rounds can be compared with each other. */
export interface CheckResult {
  readonly name: string
  readonly path: string
  readonly cpuMicroseconds: number[]
  readonly perSecond: number[]
}

const CHECK_CONNECTIONS = 16
/** Of each user who logs in again and again: five attempts at once are as many as one account may have before the first is known to be right. */
const CONNECTIONS_PER_RETURNER = 4
const LOGIN_RETURNERS = 2
const SATURATING_RETURNERS = 4
const PROBES_PER_SECOND = 150
const WARM_UP_SECONDS = 2
const CHECKER = 'checker@example.com'
/** Sessions of a user are bounded, so whoever logs in again and again is somebody else than whoever stays. */
const RETURNERS = Array.from({ length: SATURATING_RETURNERS }, (_, at) => `returner${at}@example.com`)

/** Start a subject, give it its users and log one in. */
export async function runSubject(subject: Subject): Promise<Running> {
  const server = await startServer({ ...subject.program, env: { ...subject.program.env, MIGRATE: '1' } })
  for (const email of [CHECKER, ...RETURNERS]) await subject.register(server.origin, email)
  const response = await send(subject.login(server.origin, CHECKER))
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  await response.arrayBuffer()
  return { subject, server, cookie }
}

/** The target of a session check, after one look at its answer: it must know the user with the cookie and nobody without. */
async function checkTarget({ subject, server, cookie }: Running, path: string): Promise<Target> {
  const target = { url: `${server.origin}${path}`, headers: { cookie } }
  const text = await (await send(target)).text()
  const stranger = await (await fetch(target.url)).text()
  if (!text.includes(CHECKER) || stranger.includes(CHECKER))
    throw new Error(`${subject.name} ${path} answered ${text} and to a stranger ${stranger}`)
  return target
}

/** CPU time of a request and requests a second of every session check, and of a bare server that gives the same bytes. */
export async function measureChecks(running: readonly Running[], plan: Plan, progress: Progress): Promise<CheckResult[]> {
  const bare = await startBare(running[0] as Running)
  const contenders: { result: CheckResult; target: Target; pid: number }[] = []
  const add = (name: string, path: string, target: Target, pid: number) =>
    contenders.push({ result: { name, path, cpuMicroseconds: [], perSecond: [] }, target, pid })
  for (const path of running[0]?.subject.checkPaths.slice(0, plan.checkPaths) ?? []) {
    add(BARE, path, { url: `${bare.origin}${path}`, headers: { cookie: running[0]?.cookie ?? '' } }, bare.pid)
  }
  for (const one of running) {
    for (const path of one.subject.checkPaths.slice(0, plan.checkPaths))
      add(one.subject.name, path, await checkTarget(one, path), one.server.pid)
  }
  // In order of path, so that what is compared runs side by side.
  contenders.sort((a, b) => a.result.path.localeCompare(b.result.path))

  for (let round = 0; round <= plan.checkRounds; round++) {
    for (const { result, target, pid } of contenders) {
      progress(`session check, ${round === 0 ? 'warm-up' : `round ${round} of ${plan.checkRounds}`}: ${result.name} ${result.path}`)
      const before = cpuMicroseconds(pid)
      const { requests, perSecond } = await load(target, {
        connections: CHECK_CONNECTIONS,
        seconds: round === 0 ? Math.min(WARM_UP_SECONDS, plan.checkSeconds) : plan.checkSeconds,
      })
      if (round === 0) continue
      result.cpuMicroseconds.push((cpuMicroseconds(pid) - before) / requests)
      result.perSecond.push(perSecond)
    }
  }
  await bare.stop()
  return contenders.map(({ result }) => result)
}

/** A bare server that answers what the given one answers: status, headers and body, taken from it. */
async function startBare(model: Running): Promise<ServerProcess> {
  const answers: Record<string, object> = {}
  for (const path of model.subject.checkPaths) {
    const response = await send(await checkTarget(model, path))
    // Node writes these itself.
    const headers = [...response.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name))
    answers[path] = { status: response.status, headers: Object.fromEntries(headers), body: await response.text() }
  }
  return startServer({ file: 'servers/bare.ts', env: { ANSWERS: JSON.stringify(answers) } })
}

export interface RateResult {
  readonly name: string
  readonly perSecond: number[]
}

export const CEILING = 'Argon2id alone'

/** Logins of some users, over and over. */
async function loadLogins({ subject, server }: Running, { returners, seconds }: { returners: number; seconds: number }) {
  const loads = RETURNERS.slice(0, returners).map((email) =>
    load(subject.login(server.origin, email), { connections: CONNECTIONS_PER_RETURNER, seconds }),
  )
  const perSecond = (await Promise.all(loads)).reduce((sum, result) => sum + result.perSecond, 0)
  return { perSecond }
}

/** Logins a second, and Argon2id verifications a second with nothing around them. */
export async function measureLogins(running: readonly Running[], plan: Plan, progress: Progress): Promise<RateResult[]> {
  const ceiling = await startServer({ file: 'servers/argon2-ceiling.ts' })
  const results: RateResult[] = [CEILING, ...running.map(({ subject }) => subject.name)].map((name) => ({ name, perSecond: [] }))
  for (let round = 1; round <= plan.loginRounds; round++) {
    for (const result of results) {
      progress(`logins, round ${round} of ${plan.loginRounds}: ${result.name}`)
      const one = running.find(({ subject }) => subject.name === result.name)
      const { perSecond } = one
        ? await loadLogins(one, { returners: LOGIN_RETURNERS, seconds: plan.loginSeconds })
        : await ceiling.ask(`${plan.loginSeconds * 1_000}`)
      result.perSecond.push(Number(perSecond))
    }
  }
  await ceiling.stop()
  return results
}

export interface LatencyResult {
  readonly name: string
  readonly rounds: Latencies[]
}

export const IDLE = 'nobody logs in'
export const BESIDE = 'bare node:http beside it'
export const SATURATED = 'logins saturate the cores'

/** Latency of a session check while logins saturate the cores, the same at rest, and a bare server's beside the saturated one. */
export async function measureLatency(one: Running, plan: Plan, progress: Progress): Promise<LatencyResult[]> {
  const [path = ''] = one.subject.checkPaths
  const target = await checkTarget(one, path)
  const bare = await startBare(one)
  const beside = { url: `${bare.origin}${path}`, headers: target.headers ?? {} }
  const options = { perSecond: PROBES_PER_SECOND, seconds: plan.latencySeconds }
  const results: LatencyResult[] = [IDLE, BESIDE, SATURATED].map((name) => ({ name, rounds: [] }))
  for (let round = 1; round <= plan.latencyRounds; round++) {
    for (const { name, rounds } of results) {
      progress(`latency, round ${round} of ${plan.latencyRounds}: ${name}`)
      if (name === IDLE) {
        rounds.push(await probe(target, { ...options, seconds: Math.min(3, plan.latencySeconds) }))
        continue
      }
      // The logins begin before the probe and go on beyond it.
      const logins = loadLogins(one, { returners: SATURATING_RETURNERS, seconds: plan.latencySeconds + 2.5 })
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      rounds.push(await probe(name === BESIDE ? beside : target, options))
      await logins
    }
  }
  await bare.stop()
  return results
}

export interface StartResult {
  readonly name: string
  readonly milliseconds: number[]
}

/** From the start of the process to the first answer, on a database that is there. */
export async function measureStarts(subjects: readonly Subject[], plan: Plan, progress: Progress): Promise<StartResult[]> {
  const results: StartResult[] = subjects.map(({ name }) => ({ name, milliseconds: [] }))
  for (let round = 1; round <= plan.starts; round++) {
    for (const [at, { name, program, healthPath }] of subjects.entries()) {
      progress(`start ${round} of ${plan.starts}: ${name}`)
      results[at]?.milliseconds.push(await timeToFirstAnswer(program, healthPath))
    }
  }
  return results
}

export interface MemoryResult {
  readonly name: string
  readonly atRest: number
  readonly underLoad: number
  readonly peak: number
}

/** Resident memory of a fresh process some seconds after its start, under session checks (highest sample), and its highest ever. */
export async function measureMemory(running: readonly Running[], plan: Plan, progress: Progress): Promise<MemoryResult[]> {
  const results: MemoryResult[] = []
  for (const { subject, cookie } of running) {
    progress(`memory: ${subject.name}`)
    const server = await startServer(subject.program)
    await new Promise((resolve) => setTimeout(resolve, plan.restSeconds * 1_000))
    const atRest = residentMegabytes(server.pid).now
    let underLoad = 0
    const sampling = setInterval(() => {
      underLoad = Math.max(underLoad, residentMegabytes(server.pid).now)
    }, 50)
    const [path = ''] = subject.checkPaths
    await load(await checkTarget({ subject, server, cookie }, path), { connections: CHECK_CONNECTIONS, seconds: plan.memoryLoadSeconds })
    clearInterval(sampling)
    results.push({ name: subject.name, atRest, underLoad, peak: residentMegabytes(server.pid).peak })
    await server.stop()
  }
  return results
}
