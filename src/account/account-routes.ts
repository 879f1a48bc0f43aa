import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { findFactors } from '../factors/factors.ts'
import type { Answers } from '../http/answer.ts'
import { queryOf, type Route, readInput } from '../http/route.ts'
import { messageAnswer, metadata, password, text } from '../http/schemas.ts'
import { changePassword } from '../passwords/password.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { makeDeviceCookie } from '../throttles/device-cookie.ts'
import { findUserBy, updateUser } from '../users/user.ts'
import { accountView, eventView, viewOfAccount, viewOfEvent } from './account-view.ts'
import { listOwnEvents } from './own-events.ts'

const changes = z.object({ name: text.nullable().optional(), metadata: metadata.nullable().optional() })
const passwordInput = z.object({ current_password: password, new_password: password })

/** One's own account. What an address or a factor changes has routes of its own. */
export function accountRoutes(deps: Deps, answers: Answers, guard: SessionGuard): Route[] {
  const deviceCookie = makeDeviceCookie(deps.config)
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
        return answers.json(c.exchange, 200, viewOfAccount(user, await findFactors(deps.database.reads, user.id)))
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
        const session = await guard.require(c)
        const { user } = session
        await updateUser(deps, user.id, await readInput(c, changes, { unknownFields: 'refuse' }), doneBy(c, session))
        const factors = await findFactors(deps.database.reads, user.id)
        return answers.json(c.exchange, 200, viewOfAccount(await findUserBy(deps, { id: user.id }), factors))
      },
    },
    {
      method: 'GET',
      path: '/account/events',
      summary: 'What happened to my account',
      description: 'Newest first; at most `limit` (1 to 100, else 50), before the event with the id `before`.',
      access: 'session',
      answers: { 200: { description: 'Own security events', body: z.strictObject({ events: z.array(eventView) }) } },
      refusals: ['session_required', 'field_invalid', 'field_unknown'],
      async handle(c) {
        const { user } = await guard.require(c)
        const query = queryOf(c, ['limit', 'before'])
        const events = await listOwnEvents(deps, user.id, { limit: Number(query.limit ?? 50), before: query.before })
        return answers.json(c.exchange, 200, { events: events.map(viewOfEvent) })
      },
    },
    {
      method: 'PUT',
      path: '/account/password',
      summary: 'Change my password',
      checksSecret: true,
      description:
        'The current password is the proof. The other sessions end; this one goes on under a new cookie. So does the device; the others are new ones again.',
      access: 'session',
      input: passwordInput,
      answers: { 200: { description: 'Changed, with new cookies', body: messageAnswer('Password updated') } },
      refusals: ['session_required', 'password_wrong', 'password_rejected', 'too_many_attempts', 'busy'],
      async handle(c) {
        const session = await guard.require(c)
        const fields = await readInput(c, passwordInput, { unknownFields: 'refuse' })
        const { sessionToken, deviceToken } = await changePassword(deps, session, {
          current: fields.current_password,
          next: fields.new_password,
          presentedDevice: deviceCookie.read(c.ask.header('cookie')),
          by: doneBy(c, session),
        })
        const setCookies = [guard.cookie.set(sessionToken), deviceCookie.set(deviceToken)]
        return answers.json(c.exchange, 200, { message: 'Password updated' }, { 'set-cookie': setCookies })
      },
    },
  ]
}
