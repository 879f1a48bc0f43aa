import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import { recordEvent, recordFailure } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { checkPasskey } from '../passkeys/authenticate-passkey.ts'
import { tryPassword } from '../passwords/check-password.ts'
import { renewSession, type Session } from '../sessions/session.ts'
import { findDevice } from '../throttles/device.ts'
import { type Reservation, reserveAttempt, succeedAttempt } from '../throttles/throttle.ts'
import { attemptOf, checkTotp } from '../totp/totp.ts'

type ReauthenticationDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'hashQueue' | 'log'>

/** One of these, and no other. */
export type Reproof = { readonly password: string } | { readonly totpCode: unknown } | { readonly passkey: AuthenticationResponseJSON }

interface Proven {
  readonly proof: 'pwd' | 'otp' | 'pop'
  readonly reservation: Reservation | null
  readonly consume: (tx: Db) => Promise<boolean>
}

/** The challenge of a step-up is good in this session only. */
export function reproofName(session: Session): string {
  return `reauthentication:${session.id}`
}

/**
 * Prove a factor again, for this session. It goes on under a new token; the one before it is dead (CHECKLIST R059). What that is good for is step-up/step-up.ts: a password
 * alone opens nothing to a user who has a second factor (R168).
 *
 * @returns the session's new token
 * @throws AuthError `password_wrong`, `code_wrong`, `passkey_refused`
 * @throws AuthError `too_many_attempts`, `busy`
 * @throws AuthError `session_required` - the session ended meanwhile
 */
export async function reauthenticate(
  deps: ReauthenticationDeps,
  session: Session,
  request: { readonly reproof: Reproof; readonly presentedDevice: string | null; readonly origin: Origin },
): Promise<string> {
  const userId = session.user.id
  const event = { actor: { user: userId }, subject: userId, session: session.id, origin: request.origin } as const
  const refuse = async (
    code: 'password_wrong' | 'code_wrong' | 'passkey_refused',
    reason: string,
    factors: readonly string[],
  ): Promise<never> => {
    // Nothing counts the failures of a passkey, which cannot be guessed: the log has one of a session and minute.
    const oncePerMinute = code === 'passkey_refused' ? `passkey ${session.id}` : undefined
    await recordFailure(deps, { outcome: 'failure', ...event, factors, name: 'authn_step_up_fail', reason }, oncePerMinute)
    throw new AuthError(code, { logged: reason })
  }
  const { proof, reservation, consume } = await check(deps, session, request, refuse)
  return deps.database.inTransaction(async (tx) => {
    // What was right a moment ago was used, or removed, by somebody faster.
    if (!(await consume(tx))) throw new AuthError(proof === 'otp' ? 'code_wrong' : 'passkey_refused', { logged: 'used meanwhile' })
    const token = await renewSession(deps, tx, session, { proved: proof, by: event })
    if (reservation !== null) await succeedAttempt(tx, reservation)
    await recordEvent(deps, tx, { ...event, factors: [proof], name: 'authn_step_up_success', outcome: 'success' })
    return token
  })
}

async function check(
  deps: ReauthenticationDeps,
  session: Session,
  { reproof, presentedDevice, origin }: Parameters<typeof reauthenticate>[2],
  refuse: (code: 'password_wrong' | 'code_wrong' | 'passkey_refused', reason: string, factors: readonly string[]) => Promise<never>,
): Promise<Proven> {
  const userId = session.user.id
  if ('password' in reproof) {
    const tried = await tryPassword(deps, { userId }, reproof.password, { ...origin, presentedDevice })
    if (!tried.check.matches) return refuse('password_wrong', tried.check.reason, ['pwd'])
    return { proof: 'pwd', reservation: tried.reservation, consume: async () => true }
  }
  if ('passkey' in reproof) {
    const proven = await checkPasskey(deps, reproof.passkey, { boundTo: reproofName(session), userId })
    return typeof proven === 'string'
      ? refuse('passkey_refused', proven, ['pop'])
      : { proof: 'pop', reservation: null, consume: proven.consume }
  }
  const device = await findDevice(deps, presentedDevice, userId)
  const reservation = await reserveAttempt(deps, attemptOf(userId, { isKnownDevice: device !== null, address: origin.address }))
  const consume = reservation.isDisabled ? null : await checkTotp(deps, userId, reproof.totpCode)
  return consume ? { proof: 'otp', reservation, consume } : refuse('code_wrong', 'wrong_totp_code', ['otp'])
}
