import type { Config } from '../config.ts'
import { jsonKeys } from '../json-keys.ts'

/** What a browser says about the ceremony, in the JSON that the authenticator signs (WebAuthn Level 3 section 5.8.1). */
export interface ClientData {
  /** Empty: it names none. */
  readonly challenge: string
  /** Why it is refused, for the log. The challenge is used up all the same (CHECKLIST R148). */
  readonly wrong: string | null
}

/**
 * Read and judge it: the right ceremony, our origin to the letter, not within a frame of another site (WebAuthn Level 3 sections 7.1 and 7.2, steps on C; CHECKLIST
 * R149-R151). The library checks most of it once more; that a cross-origin answer is refused, whatever it says of its top origin, only this does.
 */
export function readClientData(
  { publicUrl }: Pick<Config, 'publicUrl'>,
  encoded: string,
  type: 'webauthn.create' | 'webauthn.get',
): ClientData {
  const data = parse(encoded)
  if (data === null || typeof data.challenge !== 'string') return { challenge: '', wrong: 'client data is no object with a challenge' }
  return { challenge: data.challenge, wrong: judge(data, type, publicUrl.origin) }
}

function judge(data: Readonly<Record<string, unknown>>, type: string, origin: string): string | null {
  if (data.type !== type) return 'another ceremony'
  if (data.origin !== origin) return 'another origin'
  if (data.crossOrigin !== undefined && data.crossOrigin !== false) return 'cross-origin'
  return data.topOrigin === undefined ? null : 'within another origin'
}

/**
 * Strictly, so that nobody reads something else in the same bytes (CHECKLIST R161): no key twice, and no byte order mark, which the standard would have us skip. No browser
 * writes one: the text begins with `{"type":` (section 5.8.1.1).
 */
function parse(encoded: string): Readonly<Record<string, unknown>> | null {
  const bytes = bytesOf(encoded)
  if (bytes === null) return null
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    for (const { repeated } of jsonKeys(text)) if (repeated) return null
    // An object, so its members can be looked at by name.
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null
  } catch {
    return null
  }
}

/** Base64url as browsers write it: without padding, in the one spelling that its bytes have. `null`: it is not. */
export function bytesOf(encoded: string): Uint8Array | null {
  const bytes = Buffer.from(encoded, 'base64url')
  return bytes.length > 0 && bytes.toString('base64url') === encoded ? bytes : null
}
