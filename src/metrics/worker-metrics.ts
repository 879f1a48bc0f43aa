import type { AuthError } from '../errors.ts'
import type { Log } from '../log.ts'

/** What a worker counts, as its `Metrics.json` gave it. */
export type Part = readonly { readonly name: string; readonly type: string; readonly values?: readonly { readonly value: number }[] }[]

export interface LivingWorker {
  readonly worker: number
  /** As it was when it last answered, or `null` if it never did. */
  readonly part: Part | null
  /** Whether that was just now. */
  readonly answered: boolean
}

export interface WorkerMetrics {
  /** From now on this worker is asked. `ask` gives its part, or `null` when it is gone. */
  add(worker: number, ask: () => Promise<unknown>): void
  /** A worker is gone, whether it ever served or not: it died, or had been told to stop. */
  ended(worker: number, how: { readonly died: boolean }): void
  /** The metrics of all workers as one text for Prometheus. */
  text(): Promise<string>
}

/**
 * What the primary knows of its workers' metrics. A sum that falls is a restart to Prometheus, which then counts all that is left of it as new: so a
 * worker that does not answer stands there with what it last said, and what a dead one last counted goes on being added.
 */
export function makeWorkerMetrics(log: Log): WorkerMetrics {
  const living = new Map<number, { readonly ask: () => Promise<unknown>; part: Part | null }>()
  let departed: Part[] = []
  let deaths = 0

  async function ask(worker: number): Promise<boolean> {
    try {
      const part = (await living.get(worker)?.ask()) as Part | null
      const known = living.get(worker)
      // It may have died meanwhile, and then its last part has been put away already.
      if (part === null || known === undefined) return false
      known.part = part
      return true
    } catch (error) {
      const { message, details } = error as Partial<AuthError>
      log.warn({ event: 'worker_silent', worker, reason: details?.logged ?? message })
      return false
    }
  }

  return {
    add: (worker, ask) => void living.set(worker, { ask, part: null }),
    ended(worker, { died }) {
      if (died) deaths++
      const part = living.get(worker)?.part
      if (part) departed.push(part)
      living.delete(worker)
    },
    async text() {
      const asked = [...living.keys()]
      const answers = await Promise.all(asked.map(ask))
      const { addUpCounts, sumMetrics } = await import('./sum-metrics.ts')
      // From here to the sum nothing waits, so no worker is in it twice or not at all.
      if (departed.length > 1) departed = [addUpCounts(departed)]
      const workers = [...living].map(([worker, { part }]) => ({ worker, part, answered: answers[asked.indexOf(worker)] === true }))
      return sumMetrics(workers, departed, deaths)
    },
  }
}
