import type { Config } from '../config.ts'
import type { AuthError } from '../errors.ts'
import { PASSWORD_MAX_CODE_POINTS } from '../passwords/password-policy.ts'
import type { Texts } from './texts/texts.ts'

/**
 * A refusal in the person's language. What it says depends on the code, the reason and the field, and on nothing else: where the code does not tell cases apart, no page does
 * (CHECKLIST R028).
 */
export function sentenceOf(texts: Texts, config: Pick<Config, 'password'>, { code, details }: Pick<AuthError, 'code' | 'details'>): string {
  const { field = '', reason = '' } = details
  if (code === 'too_many_attempts') return texts.errors.too_many_attempts(waitOf(texts, details.retryAfterSeconds ?? 1))
  if (code === 'password_rejected') return reasonOf(texts, config, reason)
  if (code === 'field_required') return own(texts.fieldErrors.required, field) ?? texts.errors.field_required
  if (code === 'field_invalid') return own(texts.fieldErrors.invalid, field) ?? texts.errors.field_invalid
  return own(texts.errors, code) ?? texts.errors.internal_error
}

function reasonOf({ errors, passwordReasons }: Texts, config: Pick<Config, 'password'>, reason: string): string {
  if (reason === 'too_short') return passwordReasons.too_short(config.password.minLength)
  if (reason === 'too_long') return passwordReasons.too_long(PASSWORD_MAX_CODE_POINTS)
  return own(passwordReasons, reason) ?? errors.password_rejected
}

/** Two minutes and less in seconds, rounded up in either unit: after that time the next attempt is looked at. */
function waitOf({ waits }: Texts, seconds: number): string {
  return seconds <= 120 ? waits.seconds(Math.ceil(seconds)) : waits.minutes(Math.ceil(seconds / 60))
}

/** The text of this name, if there is one and it is text. */
function own(texts: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const text = Object.hasOwn(texts, name) ? texts[name] : undefined
  return typeof text === 'string' ? text : undefined
}
