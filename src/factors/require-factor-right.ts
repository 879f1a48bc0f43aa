import type { AnswerHeaders } from '../http/answer.ts'
import type { RouteContext } from '../http/route.ts'
import type { ClaimedRight, FactorRight } from './factors.ts'

/** What routes that add a factor need to know of who asks. Made in login/, which knows tickets and how a login ends. */
export interface FactorRights {
  /**
   * A session with a fresh proof; or, where a ticket is sent, a login that must add a factor to go on.
   *
   * @throws AuthError `session_required`, `step_up_required`, `ticket_invalid`
   */
  require(c: RouteContext, ticket: string | undefined): Promise<FactorRight>
  /** After the factor was added: the session's new cookie, or those of the login that is complete now. */
  finish(c: RouteContext, right: FactorRight, claimed: ClaimedRight, proved: 'otp' | 'pop'): Promise<AnswerHeaders>
}
