/**
 * The schema at a glance. Instants are integer unix milliseconds (`*_at`); ids are random UUIDs (v4) as text;
 * token hashes are SHA-256, 32 bytes.
 */
export interface Tables {
  users: UsersTable
  sessions: SessionsTable
  reset_tokens: ResetTokensTable
  registrations: RegistrationsTable
  verification_tokens: VerificationTokensTable
  login_codes: LoginCodesTable
  address_changes: AddressChangesTable
  address_undos: AddressUndosTable
  devices: DevicesTable
  throttles: ThrottlesTable
  sprayed_accounts: SprayedAccountsTable
  mails: MailsTable
  mail_requests: MailRequestsTable
  service_state: ServiceStateTable
  audit_events: AuditEventsTable
  audit_state: AuditStateTable
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
  /** The canonical address that it was mailed to; null: it was handed to an application, or in classic to whoever asked. */
  mailed_to: string | null
}

/** Hardened: what a registration is until somebody has opened the mail. Several may wait for one address, each with its own password. */
export interface RegistrationsTable {
  id: string
  email: string
  email_canonical: string
  password_hash: string
  /** Null until its mail is written. */
  token_hash: Uint8Array | null
  created_at: number
  expires_at: number
}

/** For users who are there already, but have not proved their address. */
export interface VerificationTokensTable {
  token_hash: Uint8Array
  /** Unique: a new token takes the earlier one's place. */
  user_id: string
  /** The address that the token was sent to; it proves no other. */
  email_canonical: string
  created_at: number
  expires_at: number
}

/** One a user: a code to type and a link to follow, two ways to one login. */
export interface LoginCodesTable {
  user_id: string
  /** HMAC of the code with the secret's key: eight characters alone could be tried out by whoever has the database. */
  code_digest: string
  key_version: string
  token_hash: Uint8Array
  created_at: number
  expires_at: number
}

/** One a user: an address that waits for its own and the present one's consent. */
export interface AddressChangesTable {
  user_id: string
  id: string
  old_canonical: string
  new_email: string
  new_canonical: string
  old_token_hash: Uint8Array | null
  new_token_hash: Uint8Array | null
  old_confirmed_at: number | null
  new_confirmed_at: number | null
  created_at: number
  expires_at: number
}

/** The way back, held by the former address. */
export interface AddressUndosTable {
  token_hash: Uint8Array
  user_id: string
  old_email: string
  old_canonical: string
  created_at: number
  expires_at: number
}

/** A browser that has logged in before: what its device cookie is known by. */
export interface DevicesTable {
  token_hash: Uint8Array
  user_id: string
  created_at: number
  /** Written at most once a day. */
  last_used_at: number
}

/** Failures in a row, or events within a window. */
export interface ThrottlesTable {
  /** What is counted and whose: `password/<user id>`; a keyed digest in place of what is no id (throttles/buckets.ts). */
  bucket: string
  count: number
  /** When the series or the window began. */
  since: number
  /** 0: open. */
  blocked_until: number
  /** When the row counts no more; null: not by itself. */
  ends_at: number | null
}

/** Which accounts were tried, and not got into, from an address lately. */
export interface SprayedAccountsTable {
  origin: string
  account: string
  tried_at: number
}

/** Mails to be sent, and for a while those that were (docs/mail.md). */
export interface MailsTable {
  /** Part of the mail's `Message-ID`. */
  id: string
  kind: string
  /** Whose account it is about. Not a reference: the last mail of a user outlives the user. */
  user_id: string | null
  /** HMAC-SHA-256 of the recipient's address in lower case, in hexadecimal: rows are found by it, and the address cannot be read from it. */
  recipient_digest: string
  /** Recipient, subject, text and HTML, sealed. Null from the statement on that marks the mail sent, failed or expired. */
  body: string | null
  state: 'waiting' | 'sent' | 'failed' | 'expired' | 'kept'
  attempts: number
  /** When it is tried next; while a process sends it, when another may take it up. */
  due_at: number
  /** Of the process that sends it now; only the holder marks the mail. */
  lease_id: string | null
  created_at: number
  /** It is tried until then, no longer. */
  expires_at: number
  sent_at: number | null
  /** What the mail server said last, without the address; at most 200 characters. */
  last_answer: string | null
}

/** What an unauthenticated request asks to have mailed, before anybody has looked whether the address is known. Rows live for seconds. */
export interface MailRequestsTable {
  id: string
  kind: string
  /** What it is about, sealed. */
  subject: string
  created_at: number
  attempts: number
  due_at: number
}

/** Facts about this database that outlive a process: the posture that opened it, the secret's fingerprints. */
export interface ServiceStateTable {
  key: string
  value: string
}

/** What happened (docs/audit.md). Rows are added, numbered once, and cut off at the old end; nothing else changes them. */
export interface AuditEventsTable {
  /** A UUID whose order is that of time (version 7). */
  id: string
  at: number
  name: string
  outcome: string
  /** `user:` and an id, `operator`, `application`, `service` or `nobody`. */
  actor: string
  /** A user's id; not a foreign key, since it outlives the user. */
  subject: string | null
  session_id: string | null
  /** Truncated after 90 days, with the salt of their digest. */
  address: string | null
  user_agent: string | null
  request_id: string | null
  /** RFC 8176 words, separated by spaces. */
  factors: string | null
  reason: string | null
  detail: string | null
  /** The version of the secret that its MAC and link are made with. */
  key_version: string
  salt: string | null
  origin_digest: string | null
  mac: string
  /** Its number in the chain, and its link to the row before it; null until the sealer has been there. */
  seq: number | null
  link: string | null
}

/** Of the chain: its `head`, with the lease of who writes it; its `cut`, signed, where it begins; how far rows are `truncated`; `key VERSION`, how far one reaches. */
export interface AuditStateTable {
  key: string
  seq: number
  link: string
  /** Of the head: the end of the lease. */
  at: number
  owner: string | null
  key_version: string | null
  signature: string | null
}

export interface MigrationsTable {
  name: string
  applied_at: number
}
