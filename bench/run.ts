// `npm run bench`: what Bienvenue costs beside a bare server, Better Auth and Argon2id alone, in one run on this machine.
//   --quick  a short run, about forty seconds: for a first look, too short to judge by
//   --json   the report as JSON on standard output, nothing else
// Two more benches, each instead of that one:
//   --drivers                                       pg and postgres on the session check (drivers.ts)
//   --users 1k,100k,1m [--engine sqlite|postgres|both] [--plot FILE]   what grows with the number of users (scale.ts)
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { ensureInstalled } from './install.ts'
import { thisMachine } from './machine.ts'
import {
  measureChecks,
  measureLatency,
  measureLogins,
  measureMemory,
  measureStarts,
  type Plan,
  type Running,
  runSubject,
} from './measure.ts'
import { pathTo } from './process.ts'
import { makeProgress } from './progress.ts'
import { judge, type Measured, type Report, render } from './report.ts'
import { isCompiledStale, subjectsIn } from './subjects.ts'

/** Under four minutes. */
const WHOLE: Plan = {
  checkPaths: 2,
  checkRounds: 4,
  checkSeconds: 2,
  loginRounds: 3,
  loginSeconds: 4,
  latencyRounds: 3,
  latencySeconds: 5,
  starts: 10,
  restSeconds: 3,
  memoryLoadSeconds: 4,
}
const QUICK: Plan = {
  checkPaths: 1,
  checkRounds: 2,
  checkSeconds: 1,
  loginRounds: 1,
  loginSeconds: 2,
  latencyRounds: 1,
  latencySeconds: 1,
  starts: 3,
  restSeconds: 1,
  memoryLoadSeconds: 1,
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    drivers: { type: 'boolean', default: false },
    users: { type: 'string' },
    engine: { type: 'string', default: 'both' },
    plot: { type: 'string' },
  },
})
const progress = makeProgress()

async function measureAll(plan: Plan, folder: string): Promise<Measured> {
  const subjects = subjectsIn(folder)
  const running: Running[] = []
  for (const subject of subjects) running.push(await runSubject(subject))
  // The first is the service as it runs in a clone.
  const [first] = running
  if (!first) throw new Error('nothing to measure')
  const checks = await measureChecks(running, plan, progress)
  const logins = await measureLogins(running, plan, progress)
  const latency = await measureLatency(first, plan, progress)
  for (const { server } of running) await server.stop()
  const starts = await measureStarts(subjects, plan, progress)
  const memory = await measureMemory(running, plan, progress)
  return { checks, logins, latency, starts, memory }
}

async function benchPeers(): Promise<void> {
  ensureInstalled()
  if (isCompiledStale()) console.error('bench: dist/ is older than src/, so the compiled form is not this code; npm run build makes it so')
  const startedAt = performance.now()
  const folder = mkdtempSync(`${tmpdir()}/bienvenue-bench-`)
  try {
    const measured = await measureAll(options.quick ? QUICK : WHOLE, folder)
    progress('')
    const report: Report = {
      at: new Date().toISOString(),
      machine: thisMachine(),
      quick: options.quick,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      ...measured,
      targets: judge(measured),
    }
    const json = `${JSON.stringify(report, null, 2)}\n`
    mkdirSync(pathTo('results'), { recursive: true })
    writeFileSync(pathTo('results/latest.json'), json)
    process.stdout.write(options.json ? json : `${render(report)}\n${report.seconds} s; all of it in bench/results/latest.json\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (options.drivers) await (await import('./drivers.ts')).benchDrivers(options, progress)
else if (options.users !== undefined) await (await import('./scale.ts')).benchScale({ ...options, users: options.users }, progress)
else await benchPeers()
