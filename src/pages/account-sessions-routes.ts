import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Route } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { endSession, endSessionsOfUser, listSessions } from '../sessions/session.ts'
import { makeSection } from './account-section.ts'
import { sessionsContent } from './account-sessions-page.ts'
import type { Pages } from './pages.ts'

const sessionId = text.regex(/^[0-9a-f-]{36}$/, { error: 'it is no id of a session' })

/** Where one is logged in, and the end of it. It takes no fresh proof: whoever sees a stranger there is to throw them out at once. */
export function accountSessionsRoutes(deps: Deps, pages: Pages, guard: SessionGuard): Route[] {
  const section = makeSection({ pages, guard }, 'sessions', async (shown) =>
    sessionsContent(shown, await listSessions(deps, shown.session.user.id)),
  )
  return [
    section.page,
    pages.form({
      action: 'end-session',
      summary: 'End one of my sessions',
      access: 'session',
      section: section.path,
      input: z.object({ id: sessionId }),
      async submit(c, { id }) {
        const session = await guard.require(c)
        await endSession(deps, { userId: session.user.id, id }, doneBy(c, session))
        // Its own: what it would be shown needs a session.
        return id === session.id
          ? pages.redirect(c, '/login?done=logged_out', { 'set-cookie': guard.cookie.clear() })
          : section.done(c, 'session_ended')
      },
      refused: (c, refusal, fields) => section.refused(c, { action: 'end-session', refusal, fields }),
    }),
    pages.form({
      action: 'end-other-sessions',
      summary: 'End all my other sessions',
      access: 'session',
      section: section.path,
      input: z.object({}),
      async submit(c) {
        const session = await guard.require(c)
        await endSessionsOfUser(deps, { userId: session.user.id, except: session.id }, doneBy(c, session))
        return section.done(c, 'others_ended')
      },
      refused: (c, refusal) => section.refused(c, { action: 'end-other-sessions', refusal, fields: {} }),
    }),
  ]
}
