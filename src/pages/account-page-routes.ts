import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import type { Route } from '../http/route.ts'
import { accountDataRoutes } from './account-data-routes.ts'
import { accountEventsRoutes } from './account-events-routes.ts'
import { accountProfileRoutes } from './account-profile-routes.ts'
import { accountSecurityRoutes } from './account-security-routes.ts'
import { accountSessionsRoutes } from './account-sessions-routes.ts'
import { confirmRoutes } from './confirm-page-routes.ts'
import type { FactorPageParts } from './factor-page-routes.ts'

/** The pages of one's own account, in the order of their navigation. */
export function accountPageRoutes(deps: Deps, answers: Answers, parts: FactorPageParts): Route[] {
  const { pages, guard, device } = parts
  return [
    ...accountProfileRoutes(deps, pages, guard),
    ...accountSecurityRoutes(deps, parts),
    ...accountSessionsRoutes(deps, pages, guard),
    ...accountEventsRoutes(deps, pages, guard),
    ...accountDataRoutes(deps, answers, pages, guard, device),
    ...confirmRoutes(deps, pages, guard, device),
  ]
}
