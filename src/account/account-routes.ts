import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput } from '../http/route.ts'
import { instant, messageAnswer, metadata, password, text } from '../http/schemas.ts'
import { changePassword } from '../passwords/password.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import { findUserBy, type User, updateUser } from '../users/user.ts'

const accountView = z.strictObject({
  id: z.string(),
  email: z.string(),
  email_verified: z.boolean(),
  name: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  created_at: instant,
  factors: z.array(z.enum(['password'])),
  password_changed_at: instant.nullable(),
})
const changes = z.object({ name: text.nullable().optional(), metadata: metadata.nullable().optional() })
const passwordInput = z.object({ current_password: password, new_password: password })

/** One's own account. What an address or a factor changes has routes of its own. */
export function accountRoutes(deps: Deps, answers: Answers, guard: SessionGuard): Route[] {
  return [
    {
      method: 'GET',
      path: '/account',
      summary: 'My account',
      access: 'session',
      answers: { 200: { description: 'The account', body: accountView } },
      refusals: ['session_required'],
      async handle(c) {
        const { user } = await guard.require(c)
        return answers.json(c.exchange, 200, viewOfAccount(user))
      },
    },
    {
      method: 'PATCH',
      path: '/account',
      summary: 'Change my name or metadata',
      description: '`null` clears a value. Metadata is an object and needs a JSON body.',
      access: 'session',
      input: changes,
      answers: { 200: { description: 'The account as it is now', body: accountView } },
      refusals: ['session_required'],
      async handle(c) {
        const { user } = await guard.require(c)
        await updateUser(deps, user.id, await readInput(c, changes, { unknownFields: 'refuse' }))
        return answers.json(c.exchange, 200, viewOfAccount(await findUserBy(deps, { id: user.id })))
      },
    },
    {
      method: 'PUT',
      path: '/account/password',
      summary: 'Change my password',
      checksSecret: true,
      description: 'The current password is the proof. The other sessions end; this one goes on under a new cookie.',
      access: 'session',
      input: passwordInput,
      answers: { 200: { description: 'Changed, with a new cookie', body: messageAnswer('Password updated') } },
      refusals: ['session_required', 'password_wrong', 'password_rejected', 'busy'],
      async handle(c) {
        const session = await guard.require(c)
        const fields = await readInput(c, passwordInput, { unknownFields: 'refuse' })
        const token = await changePassword(deps, session, { current: fields.current_password, next: fields.new_password })
        return answers.json(c.exchange, 200, { message: 'Password updated' }, { 'set-cookie': guard.cookie.set(token) })
      },
    },
  ]
}

function viewOfAccount(user: User) {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    metadata: user.metadata,
    created_at: user.createdAt.toISOString(),
    factors: user.hasPassword ? ['password'] : [],
    password_changed_at: user.passwordChangedAt?.toISOString() ?? null,
  }
}
