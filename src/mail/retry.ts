import type { Random } from '../crypto/random.ts'

/** The first wait after a failure; each later one is twice as long. */
const FIRST_MILLISECONDS = 5_000

/** How long to wait after so many failures: 5 s, doubling, at most `most`; of that a random part between half and all, so that not everybody comes at once. */
export function backoff(random: Random, failures: number, most: number): number {
  const whole = Math.min(most, FIRST_MILLISECONDS * 2 ** Math.min(failures - 1, 20))
  const part = Buffer.from(random.bytes(2)).readUInt16BE() / 0xffff
  return Math.round(whole * (0.5 + part / 2))
}
