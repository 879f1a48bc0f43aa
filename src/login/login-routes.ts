import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput, userAgentOf } from '../http/route.ts'
import { contractAnswer, email, password } from '../http/schemas.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'
import { logIn } from './login.ts'

const input = z.object({ email, password })

export function loginRoutes(deps: Deps, answers: Answers, cookie: SessionCookie): Route[] {
  return [
    {
      method: 'POST',
      path: '/sessions',
      summary: 'Log in',
      description: 'Sets the session cookie. Any reason for refusal gives the same 401.',
      access: 'anyone',
      checksSecret: true,
      input,
      answers: { 200: { description: 'Logged in, with the cookie', body: contractAnswer('logged in') } },
      refusals: ['login_refused', 'busy'],
      async handle(c) {
        const fields = await readInput(c, input, { unknownFields: 'ignore', missing: 'login_refused' })
        const token = await logIn(deps, {
          ...fields,
          presentedToken: cookie.read(c.ask.header('cookie')),
          userAgent: userAgentOf(c),
          address: c.exchange.clientAddress,
        })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'logged in' }, { 'set-cookie': cookie.set(token) })
      },
    },
  ]
}
