import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput } from '../http/route.ts'
import { contractAnswer, email } from '../http/schemas.ts'
import { requestMail } from '../mail-request/mail-request.ts'

const input = z.object({ email })

export function loginCodeRoutes(deps: Deps, answers: Answers): Route[] {
  return [
    {
      method: 'POST',
      path: '/login_codes',
      summary: 'Mail me a code to log in with',
      description:
        'The answer is the same for every address. The code is good for 10 minutes and one login: `POST /sessions` with `email` and `code`, or with the `token` of the link.',
      access: 'anyone',
      checksSecret: true,
      input,
      answers: { 200: { description: 'If the address has an account, a mail is on its way', body: contractAnswer('login code sent') } },
      async handle(c) {
        const fields = await readInput(c, input, { unknownFields: 'refuse' })
        await requestMail(deps, { kind: 'login_code', address: fields.email, origin: c.exchange.clientAddress })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'login code sent' })
      },
    },
  ]
}
