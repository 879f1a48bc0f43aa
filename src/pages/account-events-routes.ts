import { listOwnEvents } from '../account/own-events.ts'
import type { Deps } from '../deps.ts'
import type { Route } from '../http/route.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import { eventsContent } from './account-events-page.ts'
import { makeSection } from './account-section.ts'
import type { Pages } from './pages.ts'
import { queryText } from './query.ts'

/** Events on one page: a screen or two. */
const EVENTS_PER_PAGE = 25

/** What happened to one's account. */
export function accountEventsRoutes(deps: Deps, pages: Pages, guard: SessionGuard): Route[] {
  const section = makeSection({ pages, guard }, 'events', async ({ c, view, session }) => {
    const before = queryText(c, 'before') ?? undefined
    // One more than is shown says whether there are older ones.
    const found = await listOwnEvents(deps, session.user.id, { limit: EVENTS_PER_PAGE + 1, before })
    const events = found.slice(0, EVENTS_PER_PAGE)
    const olderThan = found.length > EVENTS_PER_PAGE ? (events.at(-1)?.id ?? null) : null
    return eventsContent(view, { events, olderThan, isFirst: before === undefined })
  })
  return [section.page]
}
