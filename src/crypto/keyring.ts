import { createHmac } from 'node:crypto'
import { deriveKey, type KeyLabel } from './derived-key.ts'

/** The keys of every configured version of the root secret, or of the pepper. */
export interface Keyring {
  /** The version that new data is written with: the first. Empty where there is none: no pepper, or a command that only reads before a secret was needed. */
  readonly newest: string
  /** As configured; a version that is not in use yet may stand behind the first (docs/keys.md). */
  readonly versions: readonly string[]
  /** A 256-bit key for one purpose. Throws for a version that is not configured: openDeps refuses to start while data refers to one. */
  key(label: KeyLabel, version?: string): Uint8Array
}

export function makeKeyring(secrets: readonly { readonly version: string; readonly bytes: Uint8Array }[]): Keyring {
  const roots = new Map(secrets.map(({ version, bytes }) => [version, bytes]))
  const derived = new Map<string, Uint8Array>()
  const newest = secrets[0]?.version ?? ''
  return {
    newest,
    versions: secrets.map(({ version }) => version),
    key(label, version = newest) {
      const name = `${label} ${version}`
      const known = derived.get(name)
      if (known) return known
      const root = roots.get(version)
      if (!root) throw new Error(`the root secret has no version ${JSON.stringify(version)}`)
      const key = deriveKey(root, label)
      derived.set(name, key)
      return key
    },
  }
}

/** Versions are counted: `v12` is 12. */
export function versionNumber(version: string): number {
  return Number(version.slice(1))
}

/** HMAC-SHA-256 (RFC 2104) of a text under one purpose's key, in hexadecimal: what cannot be guessed back from the database, even where the text can be guessed. */
export function keyedDigest(keys: Keyring, label: KeyLabel, text: string, version = keys.newest): string {
  return createHmac('sha256', keys.key(label, version)).update(text).digest('hex')
}
