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
  login_tickets: LoginTicketsTable
  totp_secrets: TotpSecretsTable
  totp_enrolments: TotpEnrolmentsTable
  recovery_code_sets: RecoveryCodeSetsTable
  recovery_codes: RecoveryCodesTable
  passkey_handles: PasskeyHandlesTable
  passkeys: PasskeysTable
  used_challenges: UsedChallengesTable
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
  /** When a second factor, or a passkey, which is two in one, was last proved; null: never in this session. */
  second_factor_at: number | null
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

/** A login whose first factor is proved and whose second is due. */
export interface LoginTicketsTable {
  token_hash: Uint8Array
  user_id: string
  /** What is proved so far (RFC 8176 words), separated by spaces. */
  amr: string
  created_at: number
  expires_at: number
}

/** One a user: what the authenticator app shares with us. */
export interface TotpSecretsTable {
  user_id: string
  /** Sealed, bound to the user's id. */
  secret: string
  /** The version of the secret that it is sealed with. */
  key_version: string
  /** The latest time step whose code was accepted; only a later one is. */
  last_step: number
  created_at: number
}

/** A secret that was shown and waits for its first code. */
export interface TotpEnrolmentsTable {
  /** The session, or the ticket, that began it. */
  bound_to: string
  user_id: string
  secret: string
  expires_at: number
}

/** One a user: how the codes of the current set are hashed. One salt for all of them, so that a try costs one hash. */
export interface RecoveryCodeSetsTable {
  user_id: string
  /** 16 bytes in base64url. */
  salt: string
  /** Argon2id's cost, as in a PHC string: `m=19456,t=2,p=1`. */
  cost: string
  created_at: number
}

/** The codes that were not used yet. */
export interface RecoveryCodesTable {
  user_id: string
  /** Argon2id, 32 bytes in hexadecimal. */
  code_hash: string
}

/** What authenticators know a user by: 64 random bytes. */
export interface PasskeyHandlesTable {
  user_id: string
  handle: Uint8Array
}

export interface PasskeysTable {
  id: string
  user_id: string
  /** The authenticator's name for it; unique among all users. */
  credential_id: Uint8Array
  /** COSE key. */
  public_key: Uint8Array
  sign_count: number
  /** 1: the authenticator may copy it to other devices. It never changes. */
  backup_eligible: number
  /** 1: it has been copied. */
  backed_up: number
  /** How a browser reaches the authenticator, separated by spaces. */
  transports: string
  name: string
  created_at: number
  last_used_at: number | null
}

/** Challenges that were presented once, right or wrong; until they would have expired. */
export interface UsedChallengesTable {
  challenge_hash: Uint8Array
  expires_at: number
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
