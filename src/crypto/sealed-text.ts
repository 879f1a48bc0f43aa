import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { KeyLabel } from './derived-key.ts'
import type { Keyring } from './keyring.ts'
import type { Random } from './random.ts'

/** AES-256-GCM (NIST SP 800-38D): a fresh nonce of 96 bits for each text, a tag of 128 (CHECKLIST R237). */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Which text this is: its purpose, and the id of its row. A sealed text that is put into another row, or another table, cannot be opened. */
export interface SealedPlace {
  readonly label: KeyLabel
  readonly rowId: string
}

/** Encrypt a text that must be readable again, under the newest version of the secret: `v2:` and base64url. */
export function sealText(keys: Keyring, random: Random, place: SealedPlace, text: string): string {
  const nonce = random.bytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keys.key(place.label), nonce)
  cipher.setAAD(boundTo(place))
  const bytes = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `${keys.newest}:${bytes.toString('base64url')}`
}

/** `null`: altered, moved from another row, or made with another secret. */
export function openSealedText(keys: Keyring, place: SealedPlace, sealed: string): string | null {
  const version = sealedVersion(sealed)
  if (version === null || !keys.versions.includes(version)) return null
  const bytes = Buffer.from(sealed.slice(version.length + 1), 'base64url')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null
  const decipher = createDecipheriv('aes-256-gcm', keys.key(place.label, version), bytes.subarray(0, NONCE_BYTES))
  decipher.setAAD(boundTo(place))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    return null
  }
}

/** The version of the secret that a text was sealed with. */
export function sealedVersion(sealed: string): string | null {
  return /^(v\d{1,4}):/.exec(sealed)?.[1] ?? null
}

function boundTo({ label, rowId }: SealedPlace): Buffer {
  return Buffer.from(`${label} ${rowId}`)
}
