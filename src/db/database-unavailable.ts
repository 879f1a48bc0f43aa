import { AuthError } from '../errors.ts'

/** A database that cannot serve now is a 503, not a bug (docs/operations.md). */
export function databaseUnavailable(cause: Error): AuthError {
  return new AuthError('unavailable', { logged: cause.message, retryAfterSeconds: 1 }, { cause })
}
