import { AuthError } from '../errors.ts'
import { type LatencyHistogram, makeLatencyHistogram } from '../latency-histogram.ts'

/** Password hashing, bounded: so much at once, so much waiting, the rest refused before any work (CHECKLIST R018, R019). */
export interface HashQueue {
  /** @throws AuthError `busy` */
  run<T>(job: () => Promise<T>): Promise<T>
  /**
   * Promise a place to a job that comes later: for what is written in advance of a hash, so that a flood is refused before it writes.
   *
   * @throws AuthError `busy`
   */
  takePlace(): HashPlace
  /** @throws AuthError `busy` - there is no place to be had now */
  requireRoom(): void
  readonly running: number
  readonly waiting: number
  /** How long each job waited for its slot, the refused ones aside. */
  readonly wait: LatencyHistogram
}

/** A place in the queue. One of the two must follow, once. */
export interface HashPlace {
  run<T>(job: () => Promise<T>): Promise<T>
  /** Nothing is to be hashed after all. */
  leave(): void
}

/** What a core works through in about 0.7 s at the default cost; whoever comes later is better told to come back. */
const WAITING_PER_CORE = 32
const RETRY_AFTER_SECONDS = 1

/** `slots`: cores that hash at once; a hash keeps one core and `argon2.memoryKib` of memory busy. */
export function makeHashQueue(slots: number): HashQueue {
  const waiting: (() => void)[] = []
  const wait = makeLatencyHistogram()
  let running = 0
  /** Places whose jobs have not come yet. */
  let promised = 0

  function requireRoom(): void {
    if (running + waiting.length + promised >= slots * (1 + WAITING_PER_CORE))
      throw new AuthError('busy', { retryAfterSeconds: RETRY_AFTER_SECONDS })
  }

  async function run<T>(job: () => Promise<T>): Promise<T> {
    if (running >= slots) {
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
  }

  return {
    requireRoom,
    takePlace() {
      requireRoom()
      promised++
      return {
        run(job) {
          promised--
          return run(job)
        },
        leave: () => void promised--,
      }
    },
    async run(job) {
      requireRoom()
      return run(job)
    },
    wait,
    get running() {
      return running
    },
    get waiting() {
      return waiting.length
    },
  }
}
