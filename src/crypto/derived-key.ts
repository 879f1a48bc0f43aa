import { hkdfSync } from 'node:crypto'

/** Every purpose that a key is derived for; one label, one use (CHECKLIST R235). docs/keys.md says what each is for. */
export const KEY_LABELS = [
  'fingerprint',
  'outbox',
  'mail-recipient',
  'throttle',
  'login-code',
  'totp',
  'passkey-challenge',
  'form',
  'audit',
  'audit-head',
  'pepper',
] as const
export type KeyLabel = (typeof KEY_LABELS)[number]

/** A 256-bit key for one purpose from the root secret: HKDF-SHA-256 (RFC 5869) with the purpose as its info. */
export function deriveKey(rootSecret: Uint8Array, label: KeyLabel): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', rootSecret, new Uint8Array(0), `bienvenue/${label}/v1`, 32))
}

/** What the database keeps to recognise a secret: derived, so it helps nobody to guess the secret or any other key. */
export function secretFingerprint(rootSecret: Uint8Array): string {
  return Buffer.from(deriveKey(rootSecret, 'fingerprint')).toString('base64url').slice(0, 22)
}
