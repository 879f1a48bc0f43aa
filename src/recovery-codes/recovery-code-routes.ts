import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput } from '../http/route.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { renewRecoveryCodes } from './recovery-code.ts'

const noInput = z.object({})

export function recoveryCodeRoutes(deps: Deps, answers: Answers, guard: SessionGuard): Route[] {
  return [
    {
      method: 'POST',
      path: '/recovery_codes',
      summary: 'New recovery codes',
      description:
        'Ten, each good for one login in place of the second factor, shown this once. All earlier ones are void. Needs a second factor, proved within the last 10 minutes.',
      access: 'session',
      answers: { 200: { description: 'The codes, this once', body: z.strictObject({ recovery_codes: z.array(z.string()) }) } },
      refusals: ['session_required', 'step_up_required', 'factor_not_found', 'busy'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        await readInput(c, noInput, { unknownFields: 'refuse' })
        const codes = await renewRecoveryCodes(deps, session.user, doneBy(c, session), (tx) => requireLiveIn(tx, session))
        return answers.json(c.exchange, 200, { recovery_codes: codes })
      },
    },
  ]
}
