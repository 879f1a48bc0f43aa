let moment = 0
let count = 0

/**
 * A UUID whose order is that of time (RFC 9562 section 5.7, version 7): rows are appended where the table ends, and "the newest" and "since" need no index of their own.
 * Within one process and millisecond a counter of 12 bits goes on (section 6.2, method 1); 62 bits are random.
 */
export function eventId(at: number, randomBytes: Uint8Array): string {
  count = at === moment ? (count + 1) % 4_096 : 0
  moment = at
  return version7(at, count, randomBytes)
}

/** For an event of which there shall be one only: always the same id, made of a moment and of a digest of what makes it one. */
export function onlyEventId(at: number, digest: Uint8Array): string {
  return version7(at, ((digest[8] ?? 0) << 4) + ((digest[9] ?? 0) >> 4), digest)
}

/** No event of this moment or later has a smaller id. */
export function firstIdAt(at: number): string {
  return version7(at, 0, new Uint8Array(8))
}

function version7(at: number, counter: number, bytes: Uint8Array): string {
  const time = at.toString(16).padStart(12, '0')
  const rest = Buffer.from(bytes).subarray(0, 8).toString('hex')
  const variant = '89ab'[Number.parseInt(rest.charAt(0), 16) % 4]
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${variant}${rest.slice(1, 4)}-${rest.slice(4)}`
}
