import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { AnswerHeaders, Answers } from '../http/answer.ts'
import type { Route, RouteContext } from '../http/route.ts'
import { readInput } from '../http/route.ts'
import { instant, messageAnswer } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from './require-session.ts'
import { endSession, endSessionOfToken, endSessionsOfUser, listSessions, type Session } from './session.ts'
import { listedSessionView, viewOfListed } from './session-view.ts'

const noInput = z.object({})

const sessionView = listedSessionView.extend({ current: z.boolean() })

const currentView = z.strictObject({
  user: z.strictObject({
    id: z.string(),
    external_id: z.string().nullable(),
    email: z.string(),
    email_verified: z.boolean(),
    name: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
  }),
  session: z.strictObject({
    id: z.string(),
    created_at: instant,
    authenticated_at: instant,
    amr: z.array(z.string()),
    expires_at: instant,
  }),
})

/** See, check and end sessions. Beginning one is login/. */
export function sessionRoutes(deps: Deps, answers: Answers, guard: SessionGuard): Route[] {
  return [
    {
      method: 'DELETE',
      path: '/sessions',
      summary: 'Log out',
      description:
        'Ends this session. Answers a redirect to `/`; with `Accept: application/json`, 200 and a message, for clients that keep DELETE across a redirect.',
      access: 'session',
      answers: { 302: { description: 'Logged out; `Location: /`' }, 200: { description: 'Logged out', body: messageAnswer('logged out') } },
      refusals: ['session_required'],
      async handle(c) {
        const session = await guard.require(c)
        await endSessionOfToken(deps, guard.cookie.read(c.ask.header('cookie')), doneBy(c, session))
        const headers = { 'set-cookie': guard.cookie.clear() }
        if (accepts(c, 'application/json')) return answers.json(c.exchange, 200, { message: 'logged out' }, headers)
        return answers.empty(c.exchange, 302, { ...headers, location: `${deps.config.publicUrl.pathPrefix}/` })
      },
    },
    {
      method: 'GET',
      path: '/profile',
      summary: 'Whose session is this?',
      access: 'session',
      answers: { 200: { description: 'The address of the logged-in user', body: z.strictObject({ email: z.string() }) } },
      refusals: ['session_required'],
      async handle(c) {
        const { user } = await guard.require(c)
        return answers.json(c.exchange, 200, { email: user.email })
      },
    },
    {
      method: 'GET',
      path: '/sessions/current',
      summary: 'Who is this? For applications and proxies',
      description: 'Forward the `Cookie` header here. The answer is repeated as `X-Auth-User-Id`, `X-Auth-Email`, `X-Auth-Session-Id`.',
      access: 'session',
      answers: { 200: { description: 'User and session', body: currentView } },
      refusals: ['session_required'],
      async handle(c) {
        const session = await guard.require(c)
        return answers.json(c.exchange, 200, viewOfCurrent(session), authHeaders(session))
      },
    },
    {
      method: 'GET',
      path: '/sessions',
      summary: 'Where am I logged in?',
      access: 'session',
      answers: { 200: { description: 'Live sessions, newest first', body: z.strictObject({ sessions: z.array(sessionView) }) } },
      refusals: ['session_required'],
      async handle(c) {
        const current = await guard.require(c)
        const sessions = await listSessions(deps, current.user.id)
        return answers.json(c.exchange, 200, {
          sessions: sessions.map((session) => ({ ...viewOfListed(session), current: session.id === current.id })),
        })
      },
    },
    {
      method: 'DELETE',
      path: '/sessions/others',
      summary: 'End all my other sessions',
      access: 'session',
      answers: {
        200: { description: 'How many ended', body: z.strictObject({ message: z.literal('other sessions ended'), ended: z.int() }) },
      },
      refusals: ['session_required'],
      async handle(c) {
        const session = await guard.require(c)
        await readInput(c, noInput, { unknownFields: 'refuse' })
        const ended = await endSessionsOfUser(deps, { userId: session.user.id, except: session.id }, doneBy(c, session))
        return answers.json(c.exchange, 200, { message: 'other sessions ended', ended })
      },
    },
    {
      method: 'DELETE',
      path: '/sessions/:id',
      summary: 'End one of my sessions',
      access: 'session',
      answers: { 200: { description: 'Ended', body: messageAnswer('session ended') } },
      refusals: ['session_required', 'session_not_found'],
      async handle(c) {
        const session = await guard.require(c)
        await readInput(c, noInput, { unknownFields: 'refuse' })
        const id = c.params.id ?? ''
        await endSession(deps, { userId: session.user.id, id }, doneBy(c, session))
        return answers.json(c.exchange, 200, { message: 'session ended' }, id === session.id ? { 'set-cookie': guard.cookie.clear() } : {})
      },
    },
  ]
}

function viewOfCurrent({ user, ...session }: Session) {
  return {
    user: {
      id: user.id,
      external_id: user.externalId,
      email: user.email,
      email_verified: user.emailVerified,
      name: user.name,
      metadata: user.metadata,
    },
    session: {
      id: session.id,
      created_at: session.createdAt.toISOString(),
      authenticated_at: session.authenticatedAt.toISOString(),
      amr: session.amr,
      expires_at: session.expiresAt.toISOString(),
    },
  }
}

function authHeaders({ user, id }: Session): AnswerHeaders {
  return { 'x-auth-user-id': user.id, 'x-auth-email': headerText(user.email), 'x-auth-session-id': id }
}

/** A header carries ASCII; a domain that is not is percent-encoded as UTF-8 (RFC 3986 section 2.5). */
function headerText(text: string): string {
  return /^[\x21-\x7e]*$/.test(text) ? text : encodeURI(text)
}

/** Named, not only matched by a wildcard: tools send `Accept: *`+`/*` without meaning JSON. */
function accepts(c: RouteContext, type: string): boolean {
  return (c.ask.header('accept') ?? '').toLowerCase().includes(type)
}
