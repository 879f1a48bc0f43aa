import type { Initiator } from '../audit/audit-event.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type ClaimedRight, type FactorRight, findFactors, hasSecondFactor } from '../factors/factors.ts'
import type { Origin } from '../origin.ts'
import { renewSession, type Session } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { findDevice } from '../throttles/device.ts'
import { findUserById, isEnabled, type User } from '../users/user.ts'
import { type Browser, type CompletedLogin, completeLogin } from './complete-login.ts'
import { consumeTicket, requireTicket, ticketName } from './ticket.ts'

type RightDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'log'>

/**
 * The right of a session to add a factor: a proof as strong as the account has, within ten minutes (CHECKLIST R140, R163, R168).
 *
 * @throws AuthError `step_up_required`
 */
export async function rightOfSession(deps: RightDeps, session: Session, by: Initiator): Promise<FactorRight> {
  await requireStepUp(deps, session)
  return {
    user: session.user,
    boundTo: `session:${session.id}`,
    sessionId: session.id,
    by,
    claim: async (tx, proved) => ({ kind: 'session', sessionToken: await renewSession(deps, tx, session, { proved, by }) }),
  }
}

/**
 * The right of a login that cannot go on without one: a second factor is required of everyone, and this user has none. With a mailed code alone it is no right for a user
 * who has a password: whoever holds the mailbox for a moment must not become the second factor.
 *
 * @throws AuthError `ticket_invalid` - also where there is a second factor already: the ticket goes on with that one
 * @throws AuthError `step_up_required` - the password is not among what was proved
 */
export async function rightOfTicket(deps: RightDeps, token: string, origin: Origin): Promise<FactorRight> {
  const ticket = await requireTicket(deps, token)
  const { user } = ticket
  const factors = await findFactors(deps.database.reads, user.id)
  if (hasSecondFactor(factors)) throw new AuthError('ticket_invalid', { logged: 'there is a second factor already' })
  if (factors.hasPassword && !ticket.amr.includes('pwd'))
    throw new AuthError('step_up_required', {
      logged: 'no pwd in this login',
      sentence: 'Log in with the password to add a second factor.',
    })
  return {
    user,
    boundTo: ticketName(ticket),
    sessionId: null,
    by: { actor: { user: user.id }, origin },
    async claim(tx: Db) {
      // What another login has added meanwhile is asked for, not added to.
      const isFree = (await isEnabled(tx, user)) && !hasSecondFactor(await findFactors(tx, user.id))
      if (!isFree || !(await consumeTicket(deps, tx, ticket))) throw new AuthError('ticket_invalid', { logged: 'used meanwhile' })
      return { kind: 'ticket', amr: ticket.amr }
    },
  }
}

/**
 * Complete the login whose ticket was used up by the factor that it added a moment ago.
 *
 * @throws AuthError `ticket_invalid` - the user was disabled, or their address or password changed, meanwhile: the ticket would have ended with it
 */
export async function completeAfterAdding(
  deps: RightDeps,
  browser: Browser,
  {
    user,
    claimed,
    proved,
  }: { readonly user: User; readonly claimed: Extract<ClaimedRight, { kind: 'ticket' }>; readonly proved: 'otp' | 'pop' },
): Promise<CompletedLogin> {
  const done = await completeLogin(deps, {
    ...browser,
    userId: user.id,
    actor: { user: user.id },
    amr: [...claimed.amr, proved],
    stillHolds: async (tx) => (await isEnabled(tx, user)) && (await hasSamePassword(tx, user)),
    reservation: null,
    browser: { device: await findDevice(deps, browser.presentedDevice, user.id) },
  })
  if (done?.status !== 'logged_in') throw new AuthError('ticket_invalid', { logged: 'changed meanwhile' })
  return done
}

/** Read where {@link isEnabled} holds the row already. */
async function hasSamePassword(tx: Db, { id, passwordChangedAt }: User): Promise<boolean> {
  return (await findUserById(tx, id))?.passwordChangedAt?.getTime() === passwordChangedAt?.getTime()
}
