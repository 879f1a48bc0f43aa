import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answers } from '../http/answer.ts'
import { originOf, type Route, readInput } from '../http/route.ts'
import { contractAnswer, email, password, text } from '../http/schemas.ts'
import { requestMail } from '../mail-request/mail-request.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { requestReset, resetPassword } from './password-reset.ts'

const requestInput = z.object({ email })
const resetInput = z.object({ email, reset_token: text, new_password: password })

export function passwordResetRoutes(deps: Deps, answers: Answers): Route[] {
  return [
    {
      method: 'POST',
      path: '/reset_password',
      summary: 'Ask for a reset token',
      handsOutSecret: true,
      limitsOrigin: true,
      description:
        'Classic: the token is in the answer. Hardened: it is mailed, and the answer is the same for every address. A newer token supersedes an earlier one; no session ends.',
      access: 'anyone',
      input: requestInput,
      answers: {
        200:
          deps.config.posture === 'classic'
            ? { description: 'A token, good for one use', body: z.strictObject({ email, reset_token: z.string() }) }
            : { description: 'The same for every address', body: contractAnswer('reset token sent') },
      },
      refusals: ['user_not_found'],
      async handle(c) {
        const fields = await readInput(c, requestInput, { unknownFields: 'ignore', missing: 'user_not_found' })
        const by = { actor: 'nobody', origin: originOf(c) } as const
        if (deps.config.posture === 'classic')
          return answers.json(c.exchange, 200, { email: fields.email, reset_token: await requestReset(deps, fields.email, by) })
        // What is no address gets the contract's own refusal; every address gets the same answer.
        if (parseEmailAddress(fields.email) === null) throw new AuthError('user_not_found', { logged: 'no address' })
        await requestMail(deps, { kind: 'reset_password', address: fields.email, origin: by.origin.address })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'reset token sent' })
      },
    },
    {
      method: 'PUT',
      path: '/reset_password',
      summary: 'Set a new password with a reset token',
      checksSecret: true,
      description: 'Ends every session of the user. A refusal, also of the new password, leaves the token usable.',
      access: 'anyone',
      input: resetInput,
      answers: { 200: { description: 'Password set', body: contractAnswer('Password updated') } },
      refusals: ['reset_token_invalid', 'password_rejected', 'too_many_attempts', 'busy'],
      async handle(c) {
        const fields = await readInput(c, resetInput.partial(), { unknownFields: 'ignore' })
        if (fields.reset_token === undefined || fields.email === undefined)
          throw new AuthError('reset_token_invalid', { logged: 'missing' })
        const by = { actor: 'nobody', origin: originOf(c) } as const
        await resetPassword(deps, {
          email: fields.email,
          resetToken: fields.reset_token,
          newPassword: fields.new_password,
          field: 'new_password',
          by,
        })
        return answers.json(c.exchange, 200, { email: fields.email, message: 'Password updated' })
      },
    },
  ]
}
