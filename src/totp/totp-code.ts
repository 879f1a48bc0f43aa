import type { Random } from '../crypto/random.ts'

/** RFC 4226 section 4 R6 recommends 160 bits (CHECKLIST R133). */
const SECRET_BYTES = 20
/** RFC 6238 section 4: what every authenticator app takes without asking. */
const CODE = { algorithm: 'SHA1', digits: 6, period: 30 } as const
/** RFC 6238 section 5.2: one step for the time between reading and typing, and for clocks that differ a little (CHECKLIST R135, D8). */
const WINDOW = 1

/** Loaded with the first one that anybody uses: most processes check more sessions than codes. */
const load = () => import('otpauth')

/** A new secret, in base 32, as people type it into an app that cannot scan. */
export async function makeTotpSecret(random: Random): Promise<string> {
  const { Secret } = await load()
  return new Secret({ buffer: new Uint8Array(random.bytes(SECRET_BYTES)).buffer }).base32
}

/** What the picture holds: `otpauth://totp/ISSUER:LABEL?…`, both percent-encoded. */
export async function totpUri(names: { readonly issuer: string; readonly label: string }, secret: string): Promise<string> {
  const { TOTP } = await load()
  // A colon would end the issuer within the label.
  const issuer = names.issuer.replaceAll(':', ' ')
  return new TOTP({ ...CODE, issuer, label: names.label, secret }).toString()
}

/** Six digits, with or without spaces. `null`: it is no code (CHECKLIST R138). */
export function normaliseTotpCode(text: unknown): string | null {
  if (typeof text !== 'string' || text.length > 32) return null
  const code = text.replaceAll(/[ \u00a0\u202f]/g, '')
  return /^[0-9]{6}$/.test(code) ? code : null
}

/** The time step that a code belongs to, of the present one and the two beside it; `null`: none of them. The clock is the server's. */
export async function stepOfCode(secret: string, code: string, now: number): Promise<number | null> {
  const { TOTP } = await load()
  const delta = new TOTP({ ...CODE, secret }).validate({ token: code, timestamp: now, window: WINDOW })
  return delta === null ? null : Math.floor(now / 1_000 / CODE.period) + delta
}
