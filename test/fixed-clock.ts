import type { Clock } from '../src/clock.ts'

/** A clock that tests move. */
export interface FixedClock extends Clock {
  advance(seconds: number): void
}

export function fixedClock(start = Date.UTC(2026, 0, 1)): FixedClock {
  let now = start
  return {
    now: () => now,
    advance(seconds) {
      now += seconds * 1_000
    },
  }
}

/** The real time, which tests may push forward: for what a browser dates itself. */
export function runningClock(): FixedClock {
  let ahead = 0
  return {
    now: () => Date.now() + ahead,
    advance(seconds) {
      ahead += seconds * 1_000
    },
  }
}
