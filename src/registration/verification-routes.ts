import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answers } from '../http/answer.ts'
import { originOf, type Route, readInput } from '../http/route.ts'
import { contractAnswer, email, password, text } from '../http/schemas.ts'
import { requestMail } from '../mail-request/mail-request.ts'
import { verifyAddress } from './verification.ts'

const againInput = z.object({ email })
const confirmInput = z.object({ token: text, password: password.optional() })

export function verificationRoutes(deps: Deps, answers: Answers): Route[] {
  return [
    {
      method: 'POST',
      path: '/email_verification',
      summary: 'Send the verification mail again',
      description: 'The answer is the same for every address. A newer link takes the place of the one before it.',
      access: 'anyone',
      checksSecret: true,
      input: againInput,
      answers: { 200: { description: 'If the address waits for it, a mail is on its way', body: contractAnswer('verification sent') } },
      async handle(c) {
        const fields = await readInput(c, againInput, { unknownFields: 'refuse' })
        await requestMail(deps, { kind: 'verify_address', address: fields.email, origin: c.exchange.clientAddress })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'verification sent' })
      },
    },
    {
      method: 'PUT',
      path: '/email_verification',
      summary: 'Verify an address',
      description:
        'With the token of the mail. A password that is given must be the one that was chosen at the registration; ask for it, so that nobody activates what a stranger began with their address. No session begins.',
      access: 'anyone',
      checksSecret: true,
      input: confirmInput,
      answers: { 200: { description: 'Verified: the account can log in', body: contractAnswer('address verified') } },
      refusals: ['verification_token_invalid', 'too_many_attempts', 'busy'],
      async handle(c) {
        const { token, password } = await readInput(c, confirmInput, { unknownFields: 'refuse' })
        if (token === '') throw new AuthError('verification_token_invalid', { logged: 'empty' })
        const verified = await verifyAddress(deps, { token, password, origin: originOf(c) })
        return answers.json(c.exchange, 200, { email: verified, message: 'address verified' })
      },
    },
  ]
}
