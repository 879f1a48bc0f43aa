import { AuthError, type ErrorCode, type ErrorDetails } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Answer, AnswerHeaders, Answers } from './answer.ts'
import type { Exchange } from './exchange.ts'

interface PublicError {
  readonly status: number
  readonly sentence: string | ((details: ErrorDetails) => string)
}

/** Code to status and public sentence. A new code does not compile until it has both. */
export const PUBLIC_ERRORS = {
  email_already_registered: { status: 400, sentence: 'email already registered' },
  field_required: { status: 400, sentence: ({ field }) => `The field "${field}" is required.` },
  field_invalid: { status: 400, sentence: ({ field }) => `The field "${field}" cannot be used.` },
  field_unknown: { status: 400, sentence: ({ field }) => `The field "${field}" is not known here.` },
  field_repeated: { status: 400, sentence: ({ field }) => `The field "${field}" was sent more than once.` },
  body_malformed: { status: 400, sentence: 'The request body cannot be parsed.' },
  body_too_large: { status: 413, sentence: 'The request body is too large.' },
  media_type_unsupported: {
    status: 415,
    sentence: 'Send a form (application/x-www-form-urlencoded, or multipart/form-data with plain fields) or application/json, in UTF-8.',
  },
  password_rejected: { status: 400, sentence: 'The password cannot be used.' },
  login_refused: { status: 401, sentence: 'Wrong email or password.' },
  ticket_invalid: { status: 401, sentence: 'The ticket is unknown, used or expired. Log in again.' },
  second_factor_refused: { status: 401, sentence: 'The code or passkey is wrong, expired or used already.' },
  second_factor_required: { status: 401, sentence: 'A second factor is required: PUT /sessions with the ticket.' },
  code_wrong: { status: 403, sentence: 'The code is wrong, expired or used already.' },
  passkey_refused: { status: 403, sentence: 'The passkey could not be verified. Try again.' },
  enrolment_not_found: { status: 409, sentence: 'No authenticator app waits for its first code. Begin again: POST /totp.' },
  factor_not_found: { status: 404, sentence: 'No such factor.' },
  last_factor: { status: 409, sentence: 'This is the last factor that this account can be used with. Add another one first.' },
  too_many_passkeys: { status: 409, sentence: 'There are as many passkeys as one account may have. Remove one first.' },
  password_wrong: { status: 403, sentence: 'The current password is wrong.' },
  too_many_attempts: { status: 429, sentence: 'Too many attempts. Try again later.' },
  step_up_required: { status: 403, sentence: 'Prove who you are again first: POST /reauthentication.' },
  session_required: { status: 403, sentence: 'Log in first.' },
  session_not_found: { status: 404, sentence: 'No such session.' },
  reset_token_invalid: { status: 403, sentence: 'The reset token is unknown, used or expired. Ask for a new one.' },
  verification_token_invalid: {
    status: 403,
    sentence: 'The verification link is unknown, used or expired, or the password is not the one that was chosen with it.',
  },
  address_token_invalid: { status: 403, sentence: 'The link is unknown, used or expired. Ask for the change again.' },
  user_not_found: { status: 403, sentence: 'No user has this address.' },
  unknown_attribute: { status: 400, sentence: 'Users have no such attribute.' },
  registration_closed: { status: 403, sentence: 'Registration is closed.' },
  cross_site_refused: {
    status: 403,
    sentence: 'This request came from a page on another site, which is not on BIENVENUE_ALLOWED_ORIGINS.',
  },
  loopback_only: {
    status: 403,
    sentence:
      'This service runs in the classic posture, which answers this machine only. To serve others, set BIENVENUE_PUBLIC_URL to its https address (the posture is then hardened).',
  },
  host_refused: {
    status: 421,
    sentence: 'This service does not answer for that host. Set BIENVENUE_PUBLIC_URL to the address under which users reach it.',
  },
  client_address_required: { status: 500, sentence: 'The application must pass clientAddress to auth.fetch.' },
  not_found: { status: 404, sentence: 'There is nothing here.' },
  method_not_allowed: { status: 405, sentence: ({ allow }) => `This path takes ${allow}.` },
  busy: { status: 503, sentence: 'Too many passwords are being checked right now. Try again in a moment.' },
  unavailable: { status: 503, sentence: 'The database cannot be reached right now. Try again in a moment.' },
  configuration_invalid: { status: 500, sentence: 'The service is not configured correctly.' },
  database_refused: { status: 500, sentence: 'The service is not configured correctly.' },
  file_refused: { status: 500, sentence: 'The service is not configured correctly.' },
  internal_error: { status: 500, sentence: 'Something went wrong on our side.' },
} as const satisfies Record<ErrorCode, PublicError>

export function publicSentence(error: AuthError): string {
  if (error.details.sentence !== undefined) return error.details.sentence
  const { sentence } = PUBLIC_ERRORS[error.code] as PublicError
  return typeof sentence === 'string' ? sentence : sentence(error.details)
}

/**
 * Any thrown value as an answer. A refusal says what the client may know; a bug says nothing but its request id,
 * and its stack goes to the log (CHECKLIST R275).
 */
export function errorAnswer(answers: Answers, log: Log, exchange: Exchange, thrown: unknown): Answer {
  const error = thrown instanceof AuthError ? thrown : new AuthError('internal_error', {}, { cause: thrown })
  const { status } = PUBLIC_ERRORS[error.code]
  exchange.refusal = { code: error.code, reason: loggedReason(error) }
  if (status === 500) log.error({ event: 'bug', request_id: exchange.requestId, err: error.cause ?? error })
  // CONTRACT: exactly this body, no other key.
  if (error.code === 'email_already_registered') return answers.json(exchange, status, { message: 'email already registered' })
  const headers: AnswerHeaders = {}
  if (error.details.allow !== undefined) headers.allow = error.details.allow
  if (status === 503 || status === 429) headers['retry-after'] = String(error.details.retryAfterSeconds ?? 1)
  // The rest of a body that was not read would be taken for the next request.
  if (status === 413) headers.connection = 'close'
  const { field, reason } = error.details
  const body = {
    error: error.code,
    message: publicSentence(error),
    ...(field !== undefined && { field }),
    ...(reason !== undefined && { reason }),
    request_id: exchange.requestId,
  }
  return answers.json(exchange, status, body, headers)
}

/** Names that a client made up are not logged: a password may have been sent in a name's place (CHECKLIST R228). */
function loggedReason({ code, details }: AuthError): string | undefined {
  const madeUp = code === 'field_unknown' || code === 'field_repeated'
  return details.logged ?? details.reason ?? (madeUp ? undefined : details.field)
}
