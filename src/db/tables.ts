/**
 * The schema at a glance. Instants are integer unix milliseconds (`*_at`); ids are random UUIDs (v4) as text;
 * token hashes are SHA-256, 32 bytes.
 */
export interface Tables {
  users: UsersTable
  sessions: SessionsTable
  reset_tokens: ResetTokensTable
  service_state: ServiceStateTable
  bienvenue_migrations: MigrationsTable
}

export interface UsersTable {
  id: string
  /** An id from another system, kept so that an application's foreign keys go on working. Unique where present. */
  external_id: string | null
  /** As the user typed it; mail goes here. */
  email: string
  /** What addresses are compared by; unique. */
  email_canonical: string
  email_verified_at: number | null
  /** PHC string or an imported hash; null: this user has no password. */
  password_hash: string | null
  password_changed_at: number | null
  name: string | null
  /** JSON text, at most 4 KiB. */
  metadata: string | null
  disabled_at: number | null
  created_at: number
  updated_at: number
}

export interface SessionsTable {
  token_hash: Uint8Array
  /** The id that its owner sees; unrelated to the token. */
  id: string
  user_id: string
  created_at: number
  /** When a factor was last proved. */
  authenticated_at: number
  /** Written at most once a minute; the idle lifetime counts from it. */
  last_seen_at: number
  /** The absolute end, whatever happens. */
  expires_at: number
  /** How the user proved who they are (RFC 8176 words), separated by spaces. */
  amr: string
  user_agent: string | null
  address: string | null
}

export interface ResetTokensTable {
  token_hash: Uint8Array
  /** Unique: a new token takes the earlier one's place. */
  user_id: string
  created_at: number
  expires_at: number
}

/** Facts about this database that outlive a process: the posture that opened it, the secret's fingerprints. */
export interface ServiceStateTable {
  key: string
  value: string
}

export interface MigrationsTable {
  name: string
  applied_at: number
}
