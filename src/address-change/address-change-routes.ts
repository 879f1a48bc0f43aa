import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { originOf, type Route, readInput } from '../http/route.ts'
import { contractAnswer, email, text } from '../http/schemas.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { type AddressOutcome, requestAddressChange, useAddressToken } from './address-change.ts'

const requestInput = z.object({ email })
const tokenInput = z.object({ token: text })

const MESSAGES = {
  changed: 'address changed',
  other_side_missing: 'confirmed; now follow the link that was mailed to the other address',
  undone: 'address restored; choose a new password with the mail that is on its way',
} as const satisfies Record<AddressOutcome, string>

export function addressChangeRoutes(deps: Deps, answers: Answers, guard: SessionGuard): Route[] {
  return [
    {
      method: 'POST',
      path: '/account/email',
      summary: 'Ask for another address',
      description:
        'Both addresses are mailed a link, and both must confirm; until then everything stays as it is. The answer is the same for an address that is taken. Needs a factor proved within the last 10 minutes.',
      access: 'session',
      checksSecret: true,
      input: requestInput,
      answers: { 200: { description: 'Mails are on their way', body: contractAnswer('confirmation sent') } },
      refusals: ['session_required', 'step_up_required'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        const fields = await readInput(c, requestInput, { unknownFields: 'refuse' })
        await requestAddressChange(deps, session, { email: fields.email, origin: originOf(c) })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'confirmation sent' })
      },
    },
    {
      method: 'PUT',
      path: '/account/email',
      summary: 'Confirm a change of address, or take it back',
      description:
        'With the token of any of its mails; no session is needed. The mail to the former address can take the change back for seven days: that ends every session and voids the password.',
      access: 'anyone',
      checksSecret: true,
      input: tokenInput,
      answers: {
        200: { description: 'What happened', body: z.strictObject({ message: z.enum(Object.values(MESSAGES) as [string, ...string[]]) }) },
      },
      refusals: ['address_token_invalid', 'too_many_attempts'],
      async handle(c) {
        const { token } = await readInput(c, tokenInput, { unknownFields: 'refuse' })
        const outcome = await useAddressToken(deps, { token, origin: originOf(c) })
        return answers.json(c.exchange, 200, { message: MESSAGES[outcome] })
      },
    },
  ]
}
