import type { Config } from '../config.ts'

/** What a browser says about the ceremony, in the JSON that the authenticator signs (WebAuthn Level 3 section 5.8.1). */
export interface ClientData {
  readonly challenge: string
}

/**
 * Read and judge it: the right ceremony, our origin to the letter, not within a frame of another site (WebAuthn Level 3 sections 7.1 and 7.2, steps on C; CHECKLIST
 * R149-R151). The library checks most of it once more; that a cross-origin answer is refused, whatever it says of its top origin, only this does.
 *
 * @returns a string: why it is refused
 */
export function readClientData(
  { publicUrl }: Pick<Config, 'publicUrl'>,
  encoded: string,
  type: 'webauthn.create' | 'webauthn.get',
): ClientData | string {
  const data = parse(encoded)
  if (data === null) return 'client data is no JSON object'
  if (data.type !== type) return 'another ceremony'
  if (data.origin !== publicUrl.origin) return 'another origin'
  if (data.crossOrigin !== undefined && data.crossOrigin !== false) return 'cross-origin'
  if (data.topOrigin !== undefined) return 'within another origin'
  if (typeof data.challenge !== 'string') return 'no challenge'
  return { challenge: data.challenge }
}

function parse(encoded: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url')))
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
