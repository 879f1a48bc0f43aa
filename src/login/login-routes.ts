import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answer, Answers } from '../http/answer.ts'
import { PUBLIC_ERRORS } from '../http/error-response.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import { type Route, type RouteContext, readInput } from '../http/route.ts'
import { contractAnswer, email, password, text } from '../http/schemas.ts'
import { passkeyRequestOptions } from '../passkeys/authenticate-passkey.ts'
import { authenticationResponse, requestOptions } from '../passkeys/passkey-json.ts'
import type { Browser, LoginOutcome, PendingLogin } from './complete-login.ts'
import { logIn, logInWithCode, logInWithPasskey, logInWithToken } from './login.ts'
import type { LoginCookies } from './require-login-cookies.ts'
import { completeWithSecondFactor, type SecondFactor } from './second-factor-login.ts'
import { asSession, requireTicket, ticketName } from './ticket.ts'

const input = z.object({
  email: email.optional(),
  password: password.optional(),
  code: text.optional().meta({ description: 'From a mail that `POST /login_codes` asked for, in place of the password.' }),
  token: text.optional().meta({ description: "From that mail's link, in place of everything else." }),
  passkey: authenticationResponse
    .optional()
    .meta({ description: 'What the browser made of `POST /sessions/passkey_options`, in place of everything else.' }),
})

const secondInput = z.object({
  ticket: text,
  totp_code: text.optional().meta({ description: 'Six digits of the authenticator app.' }),
  recovery_code: text.optional(),
  passkey: authenticationResponse.optional(),
})

const optionsInput = z.object({ ticket: text.optional().meta({ description: 'Of a login that waits for its second factor.' }) })

const pendingView = z.strictObject({
  error: z.literal('second_factor_required'),
  message: z.string(),
  ticket: z.string(),
  factors: z.array(z.enum(['totp', 'recovery_code', 'passkey'])),
  enrol: z.array(z.enum(['totp', 'passkey'])).optional(),
  request_id: z.string(),
})

export function loginRoutes(deps: Deps, answers: Answers, cookies: LoginCookies): Route[] {
  async function logInAs(fields: z.infer<typeof input>, browser: Browser): Promise<LoginOutcome> {
    const { token, email, code, password, passkey } = fields
    // The contract's fields first: whatever stands beside them is ignored.
    if (email !== undefined && password !== undefined) return { ...(await logIn(deps, { ...browser, email, password })), email }
    if (passkey !== undefined) return logInWithPasskey(deps, { ...browser, passkey })
    if (token !== undefined) return logInWithToken(deps, { ...browser, token })
    if (email === undefined || code === undefined)
      throw new AuthError('login_refused', { logged: 'missing', sentence: 'Send "email" and "password".' })
    return { ...(await logInWithCode(deps, { ...browser, email, code })), email }
  }

  /** No cookie before everything is proved. */
  function pending(c: RouteContext, { ticket, factors }: PendingLogin): Answer {
    const { status, sentence: message } = PUBLIC_ERRORS.second_factor_required
    c.exchange.refusal = { code: 'second_factor_required', reason: undefined }
    const enrol = factors.length === 0 ? { enrol: ['totp', 'passkey'] } : {}
    const body = { error: 'second_factor_required', message, ticket, factors, ...enrol, request_id: c.exchange.requestId }
    return answers.json(c.exchange, status, body)
  }

  function answer(c: RouteContext, outcome: LoginOutcome): Answer {
    if (outcome.status === 'second_factor_required') return pending(c, outcome)
    return answers.json(c.exchange, 200, { email: outcome.email, message: 'logged in' }, cookies.headersOf(outcome))
  }

  return [
    {
      method: 'POST',
      path: '/sessions',
      summary: 'Log in',
      description:
        'With `email` and `password`, with `email` and a mailed `code`, with the `token` of its link, or with a `passkey`. Sets the session cookie, and a device cookie where the browser is new to this user. Any reason for refusal gives the same 401. A browser that has logged in before is not held up by the failures of strangers. An account with a second factor gets 401 `second_factor_required` and a `ticket` for `PUT /sessions`, unless it was a passkey, which is two factors in one. Where a second factor is required of everyone and there is none yet, `enrol` says which can be added with the ticket: `POST /totp` or `POST /passkeys/options`.',
      access: 'anyone',
      checksSecret: true,
      input,
      oneOf: [['email', 'password'], ['email', 'code'], ['token'], ['passkey']],
      answers: {
        200: { description: 'Logged in, with the cookies', body: contractAnswer('logged in') },
        401: { description: 'Refused; or `second_factor_required`, with the ticket', body: pendingView },
      },
      refusals: ['login_refused', 'second_factor_required', 'too_many_attempts', 'busy'],
      async handle(c) {
        const fields = await readInput(c, input, { unknownFields: 'ignore', missing: 'login_refused', maxBytes: MAX_PASSKEY_BYTES })
        return answer(c, await logInAs(fields, cookies.browserOf(c)))
      },
    },
    {
      method: 'PUT',
      path: '/sessions',
      summary: 'Complete a login with a second factor',
      description:
        'With the `ticket` of `POST /sessions`, good for 10 minutes, and one of the factors that it named. Wrong codes are counted on the account, whatever ticket they come with.',
      access: 'anyone',
      checksSecret: true,
      input: secondInput,
      oneOf: [
        ['ticket', 'totp_code'],
        ['ticket', 'recovery_code'],
        ['ticket', 'passkey'],
      ],
      answers: { 200: { description: 'Logged in, with the cookies', body: contractAnswer('logged in') } },
      refusals: ['ticket_invalid', 'second_factor_refused', 'too_many_attempts', 'busy'],
      async handle(c) {
        const { ticket, ...fields } = await readInput(c, secondInput, { unknownFields: 'refuse', maxBytes: MAX_PASSKEY_BYTES })
        return answer(c, await completeWithSecondFactor(deps, { ...cookies.browserOf(c), ticket, factor: factorOf(fields) }))
      },
    },
    {
      method: 'POST',
      path: '/sessions/passkey_options',
      summary: 'Ask for a passkey to log in with',
      description:
        "Hand the answer to the browser's `navigator.credentials.get`, and what it makes to `POST /sessions`. With a `ticket` it is bound to that login and to its owner's passkeys, and goes to `PUT /sessions`. Good for 5 minutes and one try.",
      access: 'anyone',
      input: optionsInput,
      answers: { 200: { description: 'Options for the browser', body: requestOptions } },
      refusals: ['session_required'],
      async handle(c) {
        const { ticket } = await readInput(c, optionsInput, { unknownFields: 'refuse' })
        const login = ticket === undefined ? null : await requireTicket(deps, ticket).catch(asSession)
        const asked = login ? { boundTo: ticketName(login), userId: login.user.id } : { boundTo: 'login' as const, userId: null }
        return answers.json(c.exchange, 200, await passkeyRequestOptions(deps, asked))
      },
    },
  ]
}

/** Exactly one, so that nobody can try two at once. */
function factorOf(fields: Omit<z.infer<typeof secondInput>, 'ticket'>): SecondFactor {
  const { totp_code: totpCode, recovery_code: recoveryCode, passkey } = fields
  const given = [totpCode, recoveryCode, passkey].filter((one) => one !== undefined)
  if (given.length !== 1)
    throw new AuthError(given.length === 0 ? 'field_required' : 'field_invalid', {
      field: 'totp_code',
      sentence: 'Send one of "totp_code", "recovery_code" and "passkey".',
    })
  if (totpCode !== undefined) return { totpCode }
  return passkey === undefined ? { recoveryCode } : { passkey }
}
