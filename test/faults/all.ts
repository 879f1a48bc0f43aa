import { startPostgres } from '../postgres-server.ts'
import { clockJumps } from './clock-jumps.ts'
import { databaseGone } from './database-gone.ts'
import { diskFull } from './disk-full.ts'
import { killService } from './kill-service.ts'
import { loginFlood } from './login-flood.ts'
import { mailKill } from './mail-kill.ts'
import { mailServer } from './mail-server.ts'
import type { Report, Scenario } from './scenario.ts'
import { slowSockets } from './slow-sockets.ts'
import { soak } from './soak.ts'
import type { Engine } from './stage.ts'

export const SCENARIOS: readonly Scenario[] = [
  killService,
  databaseGone,
  diskFull,
  loginFlood,
  slowSockets,
  clockJumps,
  soak,
  mailKill,
  mailServer,
]

export interface Plan {
  readonly scenarios: readonly Scenario[]
  readonly engines: readonly Engine[]
  readonly short: boolean
  readonly soakMinutes: number
  progress(scenario: Scenario, engine: Engine, text: string): void
}

export interface Result extends Report {
  readonly number: number
  readonly title: string
  readonly engine: Engine
}

interface Task {
  readonly scenario: Scenario
  readonly engine: Engine
}

/**
 * Run scenarios and report them in their order. In the short form those that mostly wait run side by side: after the flood of logins, which needs
 * the cores for itself. In the long form only the soak of one engine runs beside that of the other.
 */
export async function runScenarios(plan: Plan): Promise<Result[]> {
  const tasks = plan.scenarios.flatMap((scenario) =>
    enginesOf(scenario, plan.short)
      .filter((engine) => plan.engines.includes(engine))
      .map((engine) => ({ scenario, engine })),
  )
  const needsPostgres = tasks.some(({ scenario, engine }) => engine === 'postgres' && scenario !== databaseGone)
  await using postgres = needsPostgres ? await startPostgres({ fsync: true }) : null
  const results = new Map<Task, Result>()
  const isApart = ({ scenario }: Task) => (plan.short ? scenario === loginFlood : scenario !== soak)
  const run = async (task: Task) => {
    const { scenario, engine } = task
    const progress = (text: string) => plan.progress(scenario, engine, text)
    const report = await scenario.run({ ...plan, engine, postgres, progress }).catch(failed)
    results.set(task, { number: scenario.number, title: scenario.title, engine, ...report })
  }
  for (const task of tasks.filter(isApart)) await run(task)
  await Promise.all(tasks.filter((task) => !isApart(task)).map(run))
  return tasks.flatMap((task) => results.get(task) ?? [])
}

export function enginesOf({ engines, shortEngines }: Scenario, short: boolean): readonly Engine[] {
  return (short && shortEngines) || engines
}

/** A scenario that could not be carried through has kept no promise. */
function failed(error: Error): Report {
  const problem = `failed: ${error.stack ?? error.message}`
  return { acknowledged: 0, lost: 0, wrong: 1, longestOutageMilliseconds: 0, figures: {}, problems: [problem] }
}

export function isBroken({ lost, wrong }: Report): boolean {
  return lost > 0 || wrong > 0
}
