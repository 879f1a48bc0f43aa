import { listEventsOfUser } from '../audit/audit.ts'
import type { LoggedEvent } from '../audit/audit-event.ts'
import type { Deps } from '../deps.ts'
import { invalidField } from '../errors.ts'

/** As many as a person looks through. */
const EVENTS_MAX = 100

/**
 * A user's own events, newest first, before the one with the id `before`.
 *
 * @throws AuthError `field_invalid`
 */
export async function listOwnEvents(
  deps: Pick<Deps, 'database'>,
  userId: string,
  { limit, before }: { readonly limit: number; readonly before: string | undefined },
): Promise<LoggedEvent[]> {
  if (!Number.isInteger(limit) || limit < 1 || limit > EVENTS_MAX)
    throw invalidField('limit', `The field "limit" must be a whole number from 1 to ${EVENTS_MAX}.`)
  if (before !== undefined && !/^[0-9a-f-]{36}$/.test(before)) throw invalidField('before', 'The field "before" is no id of an event.')
  return listEventsOfUser(deps, userId, { limit, ...(before !== undefined && { before }) })
}
