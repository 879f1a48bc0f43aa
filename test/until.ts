import { setImmediate as turn } from 'node:timers/promises'

/** So long that only a promise that is broken takes it: then the test fails rather than hang. */
const NEVER_MILLISECONDS = 30_000

/** Let the event loop turn until this holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAt = performance.now() + NEVER_MILLISECONDS
  while (!(await holds())) {
    if (performance.now() > givenUpAt) throw new Error(`never came true: ${holds}`)
    await turn()
  }
}
