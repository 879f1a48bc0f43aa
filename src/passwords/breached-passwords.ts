import { createHash } from 'node:crypto'
import type { Log } from '../log.ts'
import { isCommonPassword } from './common-passwords.ts'

/** In all, from the call to the last byte: nobody waits longer for a stranger's service (CHECKLIST R010). */
const LIMIT_MILLISECONDS = 2_000
/** A range has some two thousand lines of forty bytes, padding included. */
const MAX_BYTES = 512 * 1024
/** k-anonymity: a million ranges, each with hundreds of breached passwords. */
const PREFIX_DIGITS = 5

/**
 * Is this password, in its NFC form, among those of published breaches? Of its SHA-1 only five hexadecimal digits leave the process, and `Add-Padding` hides from the network how
 * long the answer is. No redirect is followed. What cannot be asked is left to the bundled list, and the log says why, without the digits (CHECKLIST R010).
 */
export async function isBreachedPassword(
  {
    service,
    log,
    limitMilliseconds = LIMIT_MILLISECONDS,
  }: { readonly service: string; readonly log: Log; readonly limitMilliseconds?: number },
  normalised: string,
): Promise<boolean> {
  const digest = createHash('sha1').update(normalised).digest('hex').toUpperCase()
  try {
    const range = await askForRange(`${service}/range/${digest.slice(0, PREFIX_DIGITS)}`, AbortSignal.timeout(limitMilliseconds))
    return holds(range, digest.slice(PREFIX_DIGITS))
  } catch (error) {
    log.warn({ event: 'breach_check_failed', reason: reasonOf(error) })
    return isCommonPassword(normalised)
  }
}

async function askForRange(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { headers: { 'Add-Padding': 'true' }, redirect: 'manual', signal })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new Unanswered(`status ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    // Leaving the loop ends the connection.
    if (length > MAX_BYTES) throw new Unanswered(`more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('latin1')
}

/** Lines of `SUFFIX:COUNT`; a count of 0 is padding. */
function holds(range: string, suffix: string): boolean {
  return range.split('\n').some((line) => line.startsWith(`${suffix}:`) && Number(line.slice(suffix.length + 1)) > 0)
}

class Unanswered extends Error {}

/** A word of our own: the error's text could hold the address that was asked, and with it the digits. */
function reasonOf(error: unknown): string {
  if (error instanceof Unanswered) return error.message
  return error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : 'unreachable'
}
