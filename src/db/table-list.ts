import type { Tables } from './tables.ts'

export interface TableEntry {
  readonly name: MovedTableName
  /** The primary key's columns. */
  readonly key: readonly string[]
  /** Ended after a restore: it must not come back to life (CHECKLIST R239). */
  readonly ended: boolean
}

type MovedTableName = Exclude<keyof Tables, 'bienvenue_migrations'>

/** The list does not compile while a table of the schema is missing from it. `bienvenue_migrations` is left out: each database keeps its own. */
const ENTRIES = {
  users: { key: ['id'], ended: false },
  sessions: { key: ['token_hash'], ended: true },
  reset_tokens: { key: ['token_hash'], ended: true },
  registrations: { key: ['id'], ended: true },
  verification_tokens: { key: ['token_hash'], ended: true },
  login_codes: { key: ['user_id'], ended: true },
  address_changes: { key: ['user_id'], ended: true },
  address_undos: { key: ['token_hash'], ended: true },
  devices: { key: ['token_hash'], ended: true },
  login_tickets: { key: ['token_hash'], ended: true },
  totp_secrets: { key: ['user_id'], ended: false },
  totp_enrolments: { key: ['bound_to'], ended: true },
  recovery_code_sets: { key: ['user_id'], ended: false },
  recovery_codes: { key: ['user_id', 'code_hash'], ended: false },
  passkey_handles: { key: ['user_id'], ended: false },
  passkeys: { key: ['id'], ended: false },
  // Kept: what was used up before the restore is used up after it.
  used_challenges: { key: ['challenge_hash'], ended: false },
  // Kept: a restore is no way to open what was closed, and a password that was disabled stays so. Blocks that are over are over by the clock.
  throttles: { key: ['bucket'], ended: false },
  sprayed_accounts: { key: ['origin', 'account'], ended: false },
  mails: { key: ['id'], ended: true },
  mail_requests: { key: ['id'], ended: true },
  service_state: { key: ['key'], ended: false },
  audit_events: { key: ['id'], ended: false },
  audit_state: { key: ['key'], ended: false },
} as const satisfies {
  readonly [T in MovedTableName]: { key: readonly (keyof Tables[T])[]; ended: boolean }
}

/** Every table with data, in the order of foreign keys: a table comes after those it refers to. */
export const TABLES: readonly TableEntry[] = (Object.keys(ENTRIES) as MovedTableName[]).map((name) => ({ name, ...ENTRIES[name] }))

/** What a backup leaves out and a restore ends. */
export const ENDED_BY_RESTORE = TABLES.filter((table) => table.ended)
