import { NO_ORIGIN, type Origin } from '../origin.ts'

/**
 * Every event there is (CHECKLIST R226), in the words of the OWASP Logging Vocabulary where it has one. Names are never changed: what was written under one is kept, and
 * is searched for by it. docs/audit.md says when each is written.
 */
export const AUDIT_EVENTS = [
  'authn_login_success',
  'authn_login_fail',
  'authn_login_lock',
  'authn_second_factor_due',
  'authn_second_factor_fail',
  'authn_password_change',
  'authn_password_change_fail',
  'authn_token_created',
  'authn_token_revoked',
  'authn_token_fail',
  'authn_step_up_success',
  'authn_step_up_fail',
  'authz_fail',
  'excess_rate_limit_exceeded',
  'session_created',
  'session_renewed',
  'session_expired',
  'session_ended',
  'user_registration_requested',
  'user_created',
  'user_updated',
  'user_deleted',
  'user_verified',
  'user_email_change_requested',
  'user_email_changed',
  'user_email_change_undone',
  'user_exported',
  'user_disabled',
  'user_enabled',
  'user_unlocked',
  'factor_added',
  'factor_removed',
  'recovery_code_used',
  'passkey_clone_suspected',
  'sys_startup',
  'key_rotated',
  'config_changed',
  'audit_read',
  'audit_cut',
] as const

export type AuditEventName = (typeof AUDIT_EVENTS)[number]
export type Outcome = 'success' | 'failure'

/**
 * Who does it: a user who is logged in; the operator, by the command line; the application that the library is part of; the service of its own accord; nobody known.
 */
export type Actor = { readonly user: string } | 'operator' | 'application' | 'service' | 'nobody'

/** Who does something, and from where: what a rule hands on to the log. */
export interface Initiator {
  readonly actor: Actor
  readonly origin: Origin
  /** The public id of the session in which it is done. */
  readonly session?: string | null
}

export const OPERATOR: Initiator = { actor: 'operator', origin: NO_ORIGIN }
export const APPLICATION: Initiator = { actor: 'application', origin: NO_ORIGIN }
export const SERVICE: Initiator = { actor: 'service', origin: NO_ORIGIN }

export interface AuditEvent extends Initiator {
  readonly name: AuditEventName
  readonly outcome: Outcome
  /** The id of the user whom it concerns. It is all that stays of them when the account is deleted. */
  readonly subject: string | null
  /** What was proved, in RFC 8176 words. */
  readonly factors?: readonly string[]
  /** A word for the true reason; the client may have been told less. */
  readonly reason?: string
  /** Counts and kinds. No address, no name, nothing that somebody typed (CHECKLIST R228). */
  readonly detail?: string
}

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly id: string
  readonly at: Date
  readonly name: string
  readonly outcome: string
  /** `user:` and an id, `operator`, `application`, `service` or `nobody`. */
  readonly actor: string
  readonly subject: string | null
  readonly session: string | null
  /** `null` also where they were truncated. */
  readonly address: string | null
  readonly userAgent: string | null
  readonly requestId: string | null
  readonly factors: readonly string[]
  readonly reason: string | null
  readonly detail: string | null
  /** Its number in the chain; `null` until it is sealed. */
  readonly seq: number | null
}
