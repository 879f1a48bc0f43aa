/** The one place that reads the system's time. Tests pass a clock of their own. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

let second = 0
let secondText = ''

/** The system's time for a log line, as in RFC 3339. The part that stays the same for a second is made once a second. */
export function isoTime(): string {
  const now = Date.now()
  const milliseconds = now % 1_000
  if (now - milliseconds !== second) {
    second = now - milliseconds
    secondText = new Date(second).toISOString().slice(0, 20)
  }
  return `${secondText}${String(milliseconds).padStart(3, '0')}Z`
}
