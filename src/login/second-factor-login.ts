import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { AuditEvent } from '../audit/audit-event.ts'
import { recordEvent, recordFailure } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { queueMail } from '../mail/mail.ts'
import type { Origin } from '../origin.ts'
import { checkPasskey } from '../passkeys/authenticate-passkey.ts'
import type { TryDeps } from '../passwords/check-password.ts'
import { checkRecoveryCode, recoveryCodeUsed } from '../recovery-codes/recovery-code.ts'
import type { Proof } from '../sessions/amr.ts'
import { findDevice, type KnownDevice } from '../throttles/device.ts'
import { type Reservation, releaseAttempt, reserveAttempt } from '../throttles/throttle.ts'
import { attemptOf, checkTotp } from '../totp/totp.ts'
import { isEnabled } from '../users/user.ts'
import { type Browser, completeLogin, type LoginOutcome } from './complete-login.ts'
import { consumeTicket, requireTicket, type Ticket, ticketName } from './ticket.ts'

type LoginDeps = TryDeps & Pick<Deps, 'random'>

/** One of these, and no other. */
export type SecondFactor =
  | { readonly totpCode: unknown }
  | { readonly recoveryCode: unknown }
  | { readonly passkey: AuthenticationResponseJSON }

interface ProvenFactor {
  readonly proof: Proof
  readonly reservation: Reservation | null
  readonly consume: (tx: Db) => Promise<boolean>
}

/**
 * Complete a login with its ticket and a second factor. The ticket is used up by a right one only; a used one is refused before anything is evaluated, and counts nothing. Wrong codes are
 * counted on the account, whatever ticket they come with: a new one resets nothing (CHECKLIST R046, R049). A right recovery code is used up and the owner told (R144, R147).
 *
 * @throws AuthError `ticket_invalid`
 * @throws AuthError `second_factor_refused`, `too_many_attempts`, `busy`
 */
export async function completeWithSecondFactor(
  deps: LoginDeps,
  request: Browser & { readonly ticket: unknown; readonly factor: SecondFactor },
): Promise<LoginOutcome> {
  const ticket = await requireTicket(deps, request.ticket)
  const { user } = ticket
  const device = await findDevice(deps, request.presentedDevice, user.id)
  const proven = await checkFactor(deps, request, { ticket, device })
  const done = await completeLogin(deps, {
    ...request,
    userId: user.id,
    actor: { user: user.id },
    amr: [...ticket.amr, proven.proof],
    stillHolds: async (tx) => {
      const holds = (await isEnabled(tx, user)) && (await consumeTicket(deps, tx, ticket)) && (await proven.consume(tx))
      const origin: Origin = { address: request.address, userAgent: request.userAgent, requestId: request.requestId }
      if (holds && proven.proof === 'recovery_code') await recoveryCodeUsed(deps, tx, user, { actor: { user: user.id }, origin })
      return holds
    },
    reservation: proven.reservation,
    browser: { device },
  })
  if (done) return done
  // It was right, and somebody faster had the ticket.
  if (proven.reservation) await releaseAttempt(deps, proven.reservation)
  return refuse(deps, request, { ticket, reservation: null, reason: 'changed_meanwhile' })
}

async function checkFactor(
  deps: LoginDeps,
  request: Origin & { readonly factor: SecondFactor },
  { ticket, device }: { readonly ticket: Ticket; readonly device: KnownDevice | null },
): Promise<ProvenFactor> {
  const { factor, address } = request
  const userId = ticket.user.id
  if ('passkey' in factor) {
    const proven = await checkPasskey(deps, factor.passkey, { boundTo: ticketName(ticket), userId })
    if (typeof proven === 'string') return refuse(deps, request, { ticket, reservation: null, reason: 'passkey', detail: proven })
    return { proof: 'pop', reservation: null, consume: proven.consume }
  }
  const reservation = await reserveAttempt(deps, attemptOf(userId, { isKnownDevice: device !== null, address }))
  if ('totpCode' in factor) {
    const consume = reservation.isDisabled ? null : await checkTotp(deps, userId, factor.totpCode)
    const reason = reservation.isDisabled ? 'totp_disabled' : 'wrong_totp_code'
    return consume ? { proof: 'otp', reservation, consume } : refuse(deps, request, { ticket, reservation, reason })
  }
  // A series of failures that has disabled the app leaves this way open (CHECKLIST R040).
  const consume = await checkRecoveryCode(deps, userId, factor.recoveryCode).catch(async (error: unknown) => {
    await releaseAttempt(deps, reservation)
    throw error
  })
  return consume
    ? { proof: 'recovery_code', reservation, consume }
    : refuse(deps, request, { ticket, reservation, reason: 'wrong_recovery_code' })
}

/** The log has the true reason; where nothing is counted (a passkey cannot be guessed), one of an account and minute. With the first failure of a series the owner learns that somebody has their first factor (CHECKLIST R054). */
async function refuse(
  deps: LoginDeps,
  { address, userAgent, requestId }: Origin,
  refused: { readonly ticket: Ticket; readonly reservation: Reservation | null; readonly reason: string; readonly detail?: string },
): Promise<never> {
  const { ticket, reservation, reason, detail } = refused
  const { user } = ticket
  const event: AuditEvent = {
    name: 'authn_second_factor_fail',
    outcome: 'failure',
    actor: 'nobody',
    origin: { address, userAgent, requestId },
    subject: user.id,
    reason,
    factors: ticket.amr,
  }
  if (reservation === null) await recordFailure(deps, event, `${reason} ${user.id}`)
  else
    await deps.database.inTransaction(async (tx) => {
      await recordEvent(deps, tx, event)
      if (reservation.earlierFailures > 0) return
      const at = new Date(deps.clock.now())
      await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'second_factor_failed', userAgent, address, at } })
    })
  throw new AuthError('second_factor_refused', { logged: detail ?? reason })
}
