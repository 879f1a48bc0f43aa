/**
 * Upper ends in milliseconds: a session check from memory is in the first, a login in the middle, and what is in the last has timed out somewhere.
 * From each to the next is 2 to 2.5 times.
 */
export const BUCKET_MILLISECONDS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const

/** How long something took, counted in buckets: an addition each time, everything else when somebody asks. */
export interface LatencyHistogram {
  observe(milliseconds: number): void
  /** How many ended in each bucket, and at last how many above all of them. */
  readonly counts: ArrayLike<number>
  readonly sumMilliseconds: number
}

export function makeLatencyHistogram(): LatencyHistogram {
  const counts = new Float64Array(BUCKET_MILLISECONDS.length + 1)
  let sum = 0
  return {
    observe(milliseconds) {
      let at = 0
      while (milliseconds > (BUCKET_MILLISECONDS[at] ?? Number.POSITIVE_INFINITY)) at++
      counts[at] = (counts[at] ?? 0) + 1
      sum += milliseconds
    },
    counts,
    get sumMilliseconds() {
      return sum
    },
  }
}
