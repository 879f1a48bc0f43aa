import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import type { AuditEventName, LoggedEvent } from './audit-event.ts'
import { type AuditEventRow, readHead, selectEvents, selectEventsFrom, selectKeyVersions } from './audit-store.ts'
import { firstIdAt } from './event-id.ts'
import { type SignedHead, signHead } from './event-seal.ts'

export interface EventFilter {
  readonly subject?: string
  readonly name?: AuditEventName
  readonly outcome?: 'failure'
  readonly since?: Date
  /** Only events before the one of this id. */
  readonly before?: string
  readonly limit: number
}

/** Events, newest first. */
export async function listEvents(deps: Pick<Deps, 'database'>, { since, ...filter }: EventFilter): Promise<LoggedEvent[]> {
  const from = since === undefined ? {} : { fromId: firstIdAt(since.getTime()) }
  return (await selectEvents(deps.database.reads, { ...filter, ...from })).map(toEvent)
}

/** A user's own events, newest first (CHECKLIST R233). */
export function listEventsOfUser(
  deps: Pick<Deps, 'database'>,
  userId: string,
  page: { readonly limit: number; readonly before?: string },
): Promise<LoggedEvent[]> {
  return listEvents(deps, { ...page, subject: userId })
}

/** What was refused to a user or somebody in their name, newest first, with the true reasons. */
export function lastRefusalsOf(deps: Pick<Deps, 'database'>, userId: string, limit: number): Promise<LoggedEvent[]> {
  return listEvents(deps, { subject: userId, outcome: 'failure', limit })
}

const EXPORT_PAGE = 1_000

/** All events from a moment on, in the order of time, page by page; the last page has the signed head of the chain and no events. */
export async function* exportEvents(
  deps: Pick<Deps, 'database' | 'keys' | 'clock'>,
  since: Date | null,
): AsyncGenerator<{ readonly events: readonly LoggedEvent[]; readonly head: SignedHead | null }> {
  let first = true
  let after = since === null ? '' : firstIdAt(since.getTime())
  for (;;) {
    const rows = await selectEventsFrom(deps.database.reads, { after, including: first, limit: EXPORT_PAGE })
    yield { events: rows.map(toEvent), head: null }
    if (rows.length < EXPORT_PAGE) break
    after = `${rows.at(-1)?.id}`
    first = false
  }
  const { seq, link } = await readHead(deps.database.reads)
  yield { events: [], head: signHead(deps.keys, 'head', { seq, link, at: deps.clock.now() }) }
}

/** The versions of the secret without which events cannot be verified. */
export function auditKeyVersions(db: Db): Promise<string[]> {
  return selectKeyVersions(db)
}

export function toEvent(row: AuditEventRow): LoggedEvent {
  return {
    id: row.id,
    at: new Date(row.at),
    name: row.name,
    outcome: row.outcome,
    actor: row.actor,
    subject: row.subject,
    session: row.session_id,
    address: row.address,
    userAgent: row.user_agent,
    requestId: row.request_id,
    factors: row.factors === null ? [] : row.factors.split(' '),
    reason: row.reason,
    detail: row.detail,
    seq: row.seq,
  }
}
