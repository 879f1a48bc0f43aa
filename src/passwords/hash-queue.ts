import { AuthError } from '../errors.ts'
import { type LatencyHistogram, makeLatencyHistogram } from '../latency-histogram.ts'

/** Password hashing, bounded: so much at once, so much waiting, the rest refused before any work (CHECKLIST R018, R019). */
export interface HashQueue {
  /** @throws AuthError `busy` */
  run<T>(job: () => Promise<T>): Promise<T>
  readonly running: number
  readonly waiting: number
  /** How long each job waited for its slot, the refused ones aside. */
  readonly wait: LatencyHistogram
}

/** What a core works through in about 0.7 s at the default cost; whoever comes later is better told to come back. */
const WAITING_PER_CORE = 32
const RETRY_AFTER_SECONDS = 1

/** `slots`: cores that hash at once; a hash keeps one core and `argon2.memoryKib` of memory busy. */
export function makeHashQueue(slots: number): HashQueue {
  const waiting: (() => void)[] = []
  const wait = makeLatencyHistogram()
  let running = 0
  return {
    wait,
    get running() {
      return running
    },
    get waiting() {
      return waiting.length
    },
    async run(job) {
      if (running >= slots) {
        if (waiting.length >= slots * WAITING_PER_CORE) throw new AuthError('busy', { retryAfterSeconds: RETRY_AFTER_SECONDS })
        const startedAt = performance.now()
        // The slot is handed over by whoever leaves it.
        await new Promise<void>((resolve) => waiting.push(resolve))
        wait.observe(performance.now() - startedAt)
      } else {
        running++
        wait.observe(0)
      }
      try {
        return await job()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running--
      }
    },
  }
}
