import type { Deps } from '../deps.ts'
import type { FactorRights } from '../factors/require-factor-right.ts'
import { originOf } from '../http/route.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { completeAfterAdding, rightOfSession, rightOfTicket } from './factor-rights.ts'
import type { LoginCookies } from './require-login-cookies.ts'

export function makeFactorRights(deps: Deps, guard: SessionGuard, cookies: LoginCookies): FactorRights {
  return {
    async require(c, ticket) {
      if (ticket !== undefined) return rightOfTicket(deps, ticket, originOf(c))
      const session = await guard.require(c)
      return rightOfSession(deps, session, doneBy(c, session))
    },
    async finish(c, right, claimed, proved) {
      if (claimed.kind === 'session') return { 'set-cookie': guard.cookie.set(claimed.sessionToken) }
      return cookies.headersOf(await completeAfterAdding(deps, cookies.browserOf(c), { user: right.user, claimed, proved }))
    },
  }
}
