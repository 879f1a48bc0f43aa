import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { originOf, type Route, readInput } from '../http/route.ts'
import { contractAnswer, email, password } from '../http/schemas.ts'
import { register } from './registration.ts'

const input = z.object({ email, password })

export function registrationRoutes(deps: Deps, answers: Answers): Route[] {
  return [
    {
      method: 'POST',
      path: '/users',
      summary: 'Register',
      description: 'An address that is taken is answered with exactly `{"message":"email already registered"}`.',
      access: 'anyone',
      limitsOrigin: true,
      input,
      answers: { 200: { description: 'Registered', body: contractAnswer('user created') } },
      refusals: ['email_already_registered', 'password_rejected', 'registration_closed', 'too_many_attempts', 'busy'],
      async handle(c) {
        const fields = await readInput(c, input, { unknownFields: 'ignore' })
        await register(deps, fields, { actor: 'nobody', origin: originOf(c) })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'user created' })
      },
    },
  ]
}
