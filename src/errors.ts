/**
 * Every refusal of this service, by code. Codes are public API: documented in docs/errors.md, never renamed.
 * An `AuthError` is an expected refusal; anything else that is thrown is our bug and answers 500.
 */
export type ErrorCode =
  /** The address has an account already (hardened will not say so once it has mail to say it to the owner). */
  | 'email_already_registered'
  /** A field that the route needs is not there or is empty; `details.field` names it. */
  | 'field_required'
  /** A field has the wrong type or a value that cannot be used; `details.field` names it. */
  | 'field_invalid'
  /** A field that the route does not know (contract routes ignore such fields). */
  | 'field_unknown'
  /** A field was sent twice. */
  | 'field_repeated'
  /** The body is not what its content type says. */
  | 'body_malformed'
  /** The body is larger than the route takes. */
  | 'body_too_large'
  /** The content type is missing or not one that the service reads. */
  | 'media_type_unsupported'
  /** The new password breaks the policy; `details.reason` says which rule. */
  | 'password_rejected'
  /** Log in: unknown address, wrong password, disabled account: callers cannot tell which. */
  | 'login_refused'
  /** `PUT /sessions`: the ticket is unknown, used, expired, or ended by a change of the account. Log in from the start. */
  | 'ticket_invalid'
  /** `PUT /sessions`: the code or passkey is not one of this user's, used already, or expired. */
  | 'second_factor_refused'
  /** A second factor is due: `PUT /sessions` with the ticket that stands beside it. */
  | 'second_factor_required'
  /** A one-time code, asked for as proof, is wrong, expired or used already. */
  | 'code_wrong'
  /** A passkey could not be verified: unknown, forged, another user's, or for a challenge that is not there any more. */
  | 'passkey_refused'
  /** No enrolment of an authenticator app waits for its code: it was never begun, or more than 10 minutes ago. */
  | 'enrolment_not_found'
  /** No such factor among the caller's own. */
  | 'factor_not_found'
  /** Without this factor nobody could log in any more, or none would be left where one is required. */
  | 'last_factor'
  /** As many passkeys as one user may have are there already. */
  | 'too_many_passkeys'
  /** The current password, asked for as proof, is wrong. */
  | 'password_wrong'
  /** Too many attempts or requests lately; `Retry-After` says when the next one is looked at. Known and unknown accounts alike. */
  | 'too_many_attempts'
  /** This needs a factor proved in this session within the last 10 minutes: `POST /reauthentication`. */
  | 'step_up_required'
  /** No session, or one that ended or expired. */
  | 'session_required'
  /** No such session among the caller's own. */
  | 'session_not_found'
  /** Unknown, used, superseded or expired reset token, or another user's. */
  | 'reset_token_invalid'
  /** Unknown, used, superseded or expired verification token, or a password that does not belong to it. */
  | 'verification_token_invalid'
  /** Unknown, used, superseded or expired token of a change of address. */
  | 'address_token_invalid'
  /** No such user. */
  | 'user_not_found'
  /** A unit was asked for an attribute that users do not have. */
  | 'unknown_attribute'
  /** Registration is closed by the operator. */
  | 'registration_closed'
  /** A page on another site sent this request. */
  | 'cross_site_refused'
  /** The classic posture answers this machine only. */
  | 'loopback_only'
  /** The `Host` is not one that this service answers for. */
  | 'host_refused'
  /** The route needs the caller's address and the library was not given it. */
  | 'client_address_required'
  /** No such path. */
  | 'not_found'
  /** The path exists, the method does not. */
  | 'method_not_allowed'
  /** More passwords are waiting to be hashed than can be soon. */
  | 'busy'
  /** The database cannot be used right now. */
  | 'unavailable'
  /** A setting, or several, cannot be used; every problem is in the message. */
  | 'configuration_invalid'
  /** The database file is not ours, belongs to another posture, or to another secret. */
  | 'database_refused'
  /** A file named on the command line cannot be used. */
  | 'file_refused'
  /** A bug of ours. */
  | 'internal_error'

export interface ErrorDetails {
  /** The input field at fault. */
  readonly field?: string
  /** Shown to the client in place of the code's own sentence. */
  readonly sentence?: string
  /** A stable word for the rule that was broken, shown to the client. */
  readonly reason?: string
  /** The true reason, for the log only. Never sent. */
  readonly logged?: string
  /** Seconds until trying again can help. */
  readonly retryAfterSeconds?: number
  /** For the audit log: whose attempt it was, and what is recorded at most once a minute. Never sent. */
  readonly audited?: { readonly bucket: string; readonly subject: string | null }
  /** Methods that the path does have. */
  readonly allow?: string
}

export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(details.sentence ?? (details.field ? `${code}: ${details.field}` : code), options)
    this.code = code
    this.details = details
  }
}

/** A field that cannot be used, with a sentence that names it. */
export function invalidField(field: string, sentence: string): AuthError {
  return new AuthError('field_invalid', { field, sentence })
}
