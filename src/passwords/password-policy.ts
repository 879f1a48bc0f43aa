import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { isBreachedPassword } from './breached-passwords.ts'
import { isCommonPassword } from './common-passwords.ts'

/** Enough for any passphrase; the request is refused above, never cut (NIST SP 800-63B-4 section 3.1.1.2 asks for at least 64; CHECKLIST R003). */
export const PASSWORD_MAX_CODE_POINTS = 256

/**
 * May this password be chosen? Length in Unicode code points after NFC (CHECKLIST R001-R003); hardened also refuses common passwords
 * and those made of the user's address or the service's name (R008, R009). There are no composition rules (R007).
 *
 * @throws AuthError `password_rejected` with `details.reason`: `too_short`, `too_long`, `common`, `context`
 */
export function checkPasswordPolicy(config: Config, password: string, context: { readonly email: string; readonly field: string }): void {
  const normalised = password.normalize('NFC')
  const length = [...normalised].length
  const { minLength } = config.password
  if (length < minLength)
    throw rejected(context.field, 'too_short', `The password must have at least ${minLength} characters; it has ${length}.`)
  if (length > PASSWORD_MAX_CODE_POINTS)
    throw rejected(context.field, 'too_long', `The password must have at most ${PASSWORD_MAX_CODE_POINTS} characters.`)
  if (config.posture === 'classic') return
  if (isCommonPassword(normalised)) throw rejected(context.field, 'common', 'This password is among the most common ones. Choose another.')
  if (isMadeOf(normalised, contextWords(config, context.email))) {
    throw rejected(context.field, 'context', 'The password must not be made of your address or the name of this service.')
  }
}

export const BREACHED_SENTENCE = 'This password is in a published list of stolen passwords. Choose another.'

/** @throws AuthError `password_rejected` with the reason `breached`, where the operator has turned the look-up on */
export async function checkBreaches({ config, log }: Pick<Deps, 'config' | 'log'>, password: string, field: string): Promise<void> {
  const service = config.password.hibp
  if (service !== null && (await isBreachedPassword({ service, log }, password.normalize('NFC'))))
    throw rejected(field, 'breached', BREACHED_SENTENCE)
}

function rejected(field: string, reason: string, sentence: string): AuthError {
  return new AuthError('password_rejected', { field, reason, sentence })
}

function contextWords(config: Config, email: string): string[] {
  const [local = '', domain = ''] = email.split('@')
  return [email, local, domain, domain.split('.')[0] ?? '', config.name, config.publicUrl.hostname, 'bienvenue']
}

/** The whole password is the word, or a simple derivative: repeated, reversed, with digits or signs around it. A phrase that holds the word is fine. */
function isMadeOf(password: string, words: readonly string[]): boolean {
  const bare = password.toLowerCase()
  const core = bare.replace(/^[\d\W_]+|[\d\W_]+$/g, '')
  return words.some((word) => {
    const plain = word.toLowerCase()
    if (plain.length < 3) return false
    const backwards = [...plain].reverse().join('')
    return [plain, backwards].some((unit) => isRepetition(bare, unit) || isRepetition(core, unit))
  })
}

/** Is the text nothing but the unit, over and over, the last time perhaps cut short? */
export function isRepetition(text: string, unit: string): boolean {
  if (unit === '' || text.length < unit.length) return false
  return unit.repeat(Math.ceil(text.length / unit.length)).startsWith(text)
}
