import type { Initiator } from '../audit/audit-event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { originOf, type RouteContext } from '../http/route.ts'
import type { LastSeenWriter } from './last-seen.ts'
import { type Session, verifySession } from './session.ts'
import type { SessionCookie } from './session-cookie.ts'

/** For the audit log: what this request does is done by this session's user. */
export function doneBy(c: RouteContext, session: Session): Initiator {
  return { actor: { user: session.user.id }, origin: originOf(c), session: session.id }
}

/** What routes need to know who is asking. */
export interface SessionGuard {
  readonly cookie: SessionCookie
  /**
   * The caller's live session, from the cookie and nothing else (CHECKLIST R061).
   *
   * @throws AuthError `session_required` - no cookie, two of them, unknown, ended, expired
   */
  require(c: RouteContext): Promise<Session>
}

export function makeSessionGuard(
  deps: Pick<Deps, 'database' | 'clock' | 'config' | 'random' | 'keys'>,
  cookie: SessionCookie,
  lastSeen: LastSeenWriter,
): SessionGuard {
  return {
    cookie,
    async require(c) {
      const session = await verifySession(deps, cookie.read(c.ask.header('cookie')))
      if (!session) throw new AuthError('session_required')
      lastSeen.note(session)
      return session
    },
  }
}
