/** A worker that lived so long began well; one that dies sooner, again and again, is replaced more and more slowly. */
export const SETTLED_MILLISECONDS = 10_000
const FIRST_DELAY_MILLISECONDS = 100
const MAX_DELAY_MILLISECONDS = 5_000

/** How long to wait before the next worker, after so many in a row that died soon. The first death alone is no pattern yet. */
export function restartDelay(quickDeaths: number): number {
  return quickDeaths < 2 ? 0 : Math.min(MAX_DELAY_MILLISECONDS, FIRST_DELAY_MILLISECONDS * 2 ** (quickDeaths - 1))
}
