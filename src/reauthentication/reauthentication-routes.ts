import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { onlyOneOf } from '../http/only-one-of.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import { originOf, type Route, readInput } from '../http/route.ts'
import { messageAnswer, password, text } from '../http/schemas.ts'
import { passkeyRequestOptions } from '../passkeys/authenticate-passkey.ts'
import { authenticationResponse, requestOptions } from '../passkeys/passkey-json.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { type Reproof, reauthenticate, reproofName } from './reauthentication.ts'

const input = z.object({ password: password.optional(), totp_code: text.optional(), passkey: authenticationResponse.optional() })
const noInput = z.object({})

export function reauthenticationRoutes(deps: Deps, answers: Answers, guard: SessionGuard, device: DeviceCookie): Route[] {
  return [
    {
      method: 'POST',
      path: '/reauthentication',
      summary: 'Prove who I am again',
      description:
        'With the password, a code of the authenticator app, or a passkey: good for 10 minutes in this session, which goes on under a new cookie. What the account stands on asks for it (`step_up_required`), and for the second factor where the account has one.',
      access: 'session',
      checksSecret: true,
      input,
      oneOf: [['password'], ['totp_code'], ['passkey']],
      answers: { 200: { description: 'Proved, with a new cookie', body: messageAnswer('reauthenticated') } },
      refusals: ['session_required', 'password_wrong', 'code_wrong', 'passkey_refused', 'too_many_attempts', 'busy'],
      async handle(c) {
        const session = await guard.require(c)
        const fields = await readInput(c, input, { unknownFields: 'refuse', maxBytes: MAX_PASSKEY_BYTES })
        const token = await reauthenticate(deps, session, {
          reproof: reproofOf(fields),
          presentedDevice: device.read(c.ask.header('cookie')),
          origin: originOf(c),
        })
        return answers.json(c.exchange, 200, { message: 'reauthenticated' }, { 'set-cookie': guard.cookie.set(token) })
      },
    },
    {
      method: 'POST',
      path: '/reauthentication/passkey_options',
      summary: 'Ask for a passkey to prove who I am again',
      description: "Hand the answer to the browser's `navigator.credentials.get`, and what it makes to `POST /reauthentication`.",
      access: 'session',
      answers: { 200: { description: 'Options for the browser', body: requestOptions } },
      refusals: ['session_required'],
      async handle(c) {
        const session = await guard.require(c)
        await readInput(c, noInput, { unknownFields: 'refuse' })
        return answers.json(c.exchange, 200, await passkeyRequestOptions(deps, { boundTo: reproofName(session), userId: session.user.id }))
      },
    },
  ]
}

function reproofOf(fields: z.infer<typeof input>): Reproof {
  onlyOneOf(fields, ['password', 'totp_code', 'passkey'])
  const { password, totp_code: totpCode, passkey } = fields
  if (password !== undefined) return { password }
  return passkey === undefined ? { totpCode } : { passkey }
}
