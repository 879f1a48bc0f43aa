import type { z } from 'zod'
import type { AnswerHeaders } from '../http/answer.ts'
import type { RouteContext } from '../http/route.ts'
import { choice, text } from '../http/schemas.ts'
import type { ClaimedRight, FactorRight } from './factors.ts'

/** What requests that add or remove a factor may carry. */
export const ticketField = text
  .optional()
  .meta({ description: 'Of a login that must add a second factor to go on; in place of the session.' })
export const endOthersField = choice.optional().meta({ description: 'Log out everywhere else, too.' })

/** What routes that add a factor need to know of who asks. Made in login/, which knows tickets and how a login ends. */
export interface FactorRights {
  /**
   * A session with a fresh proof.
   *
   * @throws AuthError `session_required`, `step_up_required`
   */
  ofSession(c: RouteContext): Promise<FactorRight>
  /**
   * The fields of a request, and the right that it comes with: of the `ticket` among them, a login that must add a factor to go on; else of its session. Without either, nothing
   * else is looked at.
   *
   * @throws AuthError `session_required` - also for a ticket that is over; `step_up_required`, and those of `readInput`
   */
  read<T extends z.ZodObject<{ ticket: z.ZodOptional<z.ZodString> }>>(
    c: RouteContext,
    schema: T,
    maxBytes?: number,
  ): Promise<{ readonly fields: z.infer<T>; readonly right: FactorRight }>
  /** After the factor was added: the session's new cookie, or those of the login that is complete now. */
  finish(c: RouteContext, right: FactorRight, claimed: ClaimedRight, proved: 'otp' | 'pop'): Promise<AnswerHeaders>
}
