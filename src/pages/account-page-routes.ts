import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import type { Route } from '../http/route.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { accountDataRoutes } from './account-data-routes.ts'
import { accountEventsRoutes } from './account-events-routes.ts'
import { accountProfileRoutes } from './account-profile-routes.ts'
import { accountSecurityRoutes } from './account-security-routes.ts'
import { accountSessionsRoutes } from './account-sessions-routes.ts'
import type { Pages } from './pages.ts'

/** The pages of one's own account, in the order of their navigation. */
export function accountPageRoutes(deps: Deps, answers: Answers, pages: Pages, guard: SessionGuard, device: DeviceCookie): Route[] {
  return [
    ...accountProfileRoutes(deps, pages, guard),
    ...accountSecurityRoutes(deps, pages, guard, device),
    ...accountSessionsRoutes(deps, pages, guard),
    ...accountEventsRoutes(deps, pages, guard),
    ...accountDataRoutes(deps, answers, pages, guard, device),
  ]
}
