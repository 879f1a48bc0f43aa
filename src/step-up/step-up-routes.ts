import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { originOf, type Route, readInput } from '../http/route.ts'
import { messageAnswer, password } from '../http/schemas.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { reauthenticate } from './step-up.ts'

const input = z.object({ password })

export function stepUpRoutes(deps: Deps, answers: Answers, guard: SessionGuard, device: DeviceCookie): Route[] {
  return [
    {
      method: 'POST',
      path: '/reauthentication',
      summary: 'Prove who I am again',
      description:
        'Good for 10 minutes in this session, which goes on under a new cookie. What the account stands on asks for it (`step_up_required`).',
      access: 'session',
      checksSecret: true,
      input,
      answers: { 200: { description: 'Proved, with a new cookie', body: messageAnswer('reauthenticated') } },
      refusals: ['session_required', 'password_wrong', 'too_many_attempts', 'busy'],
      async handle(c) {
        const session = await guard.require(c)
        const fields = await readInput(c, input, { unknownFields: 'refuse' })
        const token = await reauthenticate(deps, session, {
          password: fields.password,
          presentedDevice: device.read(c.ask.header('cookie')),
          origin: originOf(c),
        })
        return answers.json(c.exchange, 200, { message: 'reauthenticated' }, { 'set-cookie': guard.cookie.set(token) })
      },
    },
  ]
}
