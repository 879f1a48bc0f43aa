import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answers } from '../http/answer.ts'
import { originOf, type Route, type RouteContext, readInput } from '../http/route.ts'
import { contractAnswer, email, password, text } from '../http/schemas.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'
import { makeDeviceCookie } from '../throttles/device-cookie.ts'
import { type Browser, type CompletedLogin, logIn, logInWithCode, logInWithToken } from './login.ts'

const input = z.object({
  email: email.optional(),
  password: password.optional(),
  code: text.optional().meta({ description: 'From a mail that `POST /login_codes` asked for, in place of the password.' }),
  token: text.optional().meta({ description: "From that mail's link, in place of everything else." }),
})

export function loginRoutes(deps: Deps, answers: Answers, cookie: SessionCookie): Route[] {
  const deviceCookie = makeDeviceCookie(deps.config)

  function browserOf(c: RouteContext): Browser {
    const cookies = c.ask.header('cookie')
    return { ...originOf(c), presentedToken: cookie.read(cookies), presentedDevice: deviceCookie.read(cookies) }
  }

  async function logInAs(fields: z.infer<typeof input>, browser: Browser): Promise<CompletedLogin & { readonly email: string }> {
    const { token, email, code, password } = fields
    // The contract's fields first: whatever stands beside them is ignored.
    if (email !== undefined && password !== undefined) return { email, ...(await logIn(deps, { ...browser, email, password })) }
    if (token !== undefined) return logInWithToken(deps, { ...browser, token })
    if (email === undefined || code === undefined)
      throw new AuthError('login_refused', { logged: 'missing', sentence: 'Send "email" and "password".' })
    return { email, ...(await logInWithCode(deps, { ...browser, email, code })) }
  }

  return [
    {
      method: 'POST',
      path: '/sessions',
      summary: 'Log in',
      description:
        'With `email` and `password`, with `email` and a mailed `code`, or with the `token` of its link. Sets the session cookie, and a device cookie where the browser is new to this user. Any reason for refusal gives the same 401. A browser that has logged in before is not held up by the failures of strangers.',
      access: 'anyone',
      checksSecret: true,
      input,
      oneOf: [['email', 'password'], ['email', 'code'], ['token']],
      answers: { 200: { description: 'Logged in, with the cookies', body: contractAnswer('logged in') } },
      refusals: ['login_refused', 'too_many_attempts', 'busy'],
      async handle(c) {
        const fields = await readInput(c, input, { unknownFields: 'ignore', missing: 'login_refused' })
        const { email, sessionToken, newDeviceToken } = await logInAs(fields, browserOf(c))
        const setCookies = [cookie.set(sessionToken), ...(newDeviceToken === null ? [] : [deviceCookie.set(newDeviceToken)])]
        return answers.json(c.exchange, 200, { email, message: 'logged in' }, { 'set-cookie': setCookies })
      },
    },
  ]
}
