import { lastRefusalsOf } from '../audit/audit.ts'
import type { LoggedEvent } from '../audit/audit-event.ts'
import type { Deps } from '../deps.ts'
import { type Factors, factorNames, findFactors, hasSecondFactor } from '../factors/factors.ts'
import { listMails, listMailsOf, type MailView } from '../mail/mail.ts'
import { passwordStateOf } from '../passwords/check-password.ts'
import { pendingRegistrationOf } from '../registration/registration.ts'
import { type ThrottleState, throttleStateOf } from '../throttles/throttle-admin.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import type { User } from '../users/user.ts'

/** Why can she not log in? Everything that stands in the way, the weightiest first, and what the last days tell. */
export interface Verdict {
  /** `ok`, or what a login meets first. */
  readonly state: VerdictState
  readonly sentences: readonly string[]
  /** What they can prove who they are with. */
  readonly factors: readonly string[]
  readonly throttles: readonly ThrottleState[]
  readonly mails: readonly MailView[]
  readonly refusals: readonly LoggedEvent[]
}

export type VerdictState =
  | 'ok'
  | 'pending'
  | 'unverified'
  | 'disabled'
  | 'password_disabled'
  | 'throttled'
  | 'no_password'
  | 'unusable_hash'

const SHOWN = 10

export async function verdictOf(deps: Deps, user: User): Promise<Verdict> {
  const [factors, throttles, mails, refusals, password] = await Promise.all([
    findFactors(deps.database.reads, user.id),
    throttleStateOf(deps, user.id),
    listMailsOf(deps, user.id),
    lastRefusalsOf(deps, user.id, SHOWN),
    passwordStateOf(deps, user.id),
  ])
  const reasons = reasonsOf(deps, user, password, throttles)
  return {
    state: reasons[0]?.[0] ?? 'ok',
    sentences: reasons.length > 0 ? reasons.map(([, sentence]) => sentence) : [wayIn(deps.config, factors)],
    factors: factorNames(factors),
    throttles,
    mails: mails.slice(0, SHOWN),
    refusals,
  }
}

function wayIn({ secondFactor }: Pick<Deps['config'], 'secondFactor'>, factors: Factors): string {
  if (hasSecondFactor(factors)) {
    const asked = [...(factors.hasTotp ? ['authenticator app'] : []), ...(factors.passkeys > 0 ? ['passkey'] : [])].join(' or ')
    return `Nothing stands in the way: the right password, then their ${asked} is asked for.`
  }
  if (secondFactor === 'required') return 'Nothing stands in the way: the right password, and at the next login they add a second factor.'
  return 'Nothing stands in the way: the right password lets them in.'
}

function reasonsOf(
  deps: Deps,
  user: User,
  password: 'none' | 'usable' | 'unusable',
  throttles: readonly ThrottleState[],
): [VerdictState, string][] {
  const reasons: [VerdictState, string][] = []
  const who = user.email
  if (user.disabled) reasons.push(['disabled', `Disabled by an operator. To let them in: bienvenue users enable ${who}`])
  if (deps.config.posture === 'hardened' && !user.emailVerified)
    reasons.push([
      'unverified',
      'The address is not verified. A login with the right password mails a new link, and so does POST /email_verification.',
    ])
  if (password === 'none')
    reasons.push(['no_password', 'There is no password. They can log in by a mailed code, or choose a password with POST /reset_password.'])
  if (password === 'unusable')
    reasons.push(['unusable_hash', 'The stored hash is none that this version can check. They need POST /reset_password.'])
  for (const { authenticator, from, failures, blockedUntil, disabled } of throttles) {
    const whose = from === 'strangers' ? 'from unknown browsers' : 'from browsers they have used before'
    if (disabled) {
      const opens =
        authenticator === 'second_factor' ? 'A recovery code lets them in, adding the authenticator app anew opens it' : 'A reset opens it'
      const sentence = `The ${authenticator} is closed ${whose} after ${failures} failures in a row. ${opens}, and so does: bienvenue users unlock ${who}`
      reasons.push([authenticator === 'password' ? 'password_disabled' : 'throttled', sentence])
    } else if (blockedUntil) {
      const until = blockedUntil.toISOString()
      reasons.push([
        'throttled',
        `After ${failures} failures in a row the ${authenticator} is not looked at ${whose} until ${until}. To end it: bienvenue users unlock ${who}`,
      ])
    }
  }
  return reasons
}

/** For an address that has no account: perhaps one is on its way. `null`: it is not known at all. */
export async function verdictOfAddress(deps: Deps, text: string): Promise<(Verdict & { readonly email: string }) | null> {
  const email = parseEmailAddress(text)
  const pending = email && (await pendingRegistrationOf(deps, email.canonical))
  if (!email || !pending) return null
  const sentence = `Registered, but the mail was not opened yet. The registration ends at ${pending.expiresAt.toISOString()}; POST /email_verification sends a new link.`
  const mails = await listMails(deps, { address: email.canonical })
  return {
    email: pending.email.address,
    state: 'pending',
    sentences: [sentence],
    factors: [],
    throttles: [],
    mails: mails.slice(0, SHOWN),
    refusals: [],
  }
}
