import { keyedDigest } from '../crypto/keyring.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import type { Origin } from '../origin.ts'
import type { Actor, AuditEvent } from './audit-event.ts'
import { type AuditEventRow, deleteOriginsOf, hasEvent, insertEvent, insertEventOnce } from './audit-store.ts'
import { eventId, onlyEventId } from './event-id.ts'
import { eventMac, originDigest } from './event-seal.ts'

type RecordDeps = Pick<Deps, 'clock' | 'random' | 'keys'>
type AloneDeps = RecordDeps & Pick<Deps, 'database' | 'log'>

/** Both are ours and short; what is longer is a mistake and is cut. */
const MAX_REASON = 64
const MAX_DETAIL = 200
const MAX_USER_AGENT = 256
/** 128 bits: an address is one of few, its digest must not be found by trying. */
const SALT_BYTES = 16
const MINUTE = 60_000

/**
 * Write an event in the transaction that makes the change it tells of: both are there or neither (CHECKLIST R231). One insert of a row that nobody else looks at; its place
 * in the chain comes later (sealer.ts), so writers never wait for each other.
 */
export async function recordEvent(deps: RecordDeps, tx: Db, event: AuditEvent): Promise<void> {
  await insertEvent(tx, eventRow(deps, event))
}

/** An event as it is stored, before it has a place in the chain. */
export function eventRow(deps: RecordDeps, event: AuditEvent): AuditEventRow {
  const at = deps.clock.now()
  return makeRow(deps, { at, id: eventId(at, deps.random.bytes(8)) }, event)
}

/**
 * Write an event that has no change to go with: something was refused. In a transaction of its own; when it cannot be written, the answer stays what it was, and the log
 * stream says so.
 *
 * `oncePerMinute` names what is recorded at most once a minute, for refusals that cost whoever asks nothing: a flood of them does not fill the disk.
 */
export async function recordFailure(deps: AloneDeps, event: AuditEvent, oncePerMinute?: string): Promise<void> {
  await recordAlone(deps, event, oncePerMinute)
}

/** The same for what was no change and no failure: a start. */
export async function recordAlone(deps: AloneDeps, event: AuditEvent, oncePerMinute?: string): Promise<void> {
  try {
    if (oncePerMinute === undefined) await deps.database.inTransaction((tx) => recordEvent(deps, tx, event))
    else await recordOnce(deps, event, `${event.name} ${oncePerMinute}`)
  } catch (error) {
    deps.log.error({ event: 'audit_event_not_written', name: event.name, reason: event.reason, err: error })
  }
}

/** An attempt that a throttle refused: one event for a bucket and minute, however many there are. It never throws. */
export async function recordThrottled(
  deps: AloneDeps,
  throttled: { readonly bucket: string; readonly origin: Origin; readonly subject: string | null; readonly reason?: string },
): Promise<void> {
  const { origin, subject, reason } = throttled
  const event: AuditEvent = {
    name: 'excess_rate_limit_exceeded',
    outcome: 'failure',
    actor: 'nobody',
    origin,
    subject,
    ...(reason !== undefined && { reason }),
  }
  await recordFailure(deps, event, throttled.bucket)
}

/** The bucket and the minute are the row's id: who comes second finds it taken. They are in it as a keyed digest only. */
async function recordOnce(deps: AloneDeps, event: AuditEvent, bucket: string): Promise<void> {
  const at = deps.clock.now()
  const minute = at - (at % MINUTE)
  const id = onlyEventId(minute, Buffer.from(keyedDigest(deps.keys, 'audit', `bucket ${minute} ${bucket}`), 'hex'))
  // The look spares a flood the wait for the write lock; the primary key decides.
  if (await hasEvent(deps.database.reads, id)) return
  await deps.database.inTransaction((tx) => insertEventOnce(tx, makeRow(deps, { at, id }, event)))
}

function makeRow(deps: RecordDeps, { at, id }: { readonly at: number; readonly id: string }, event: AuditEvent): AuditEventRow {
  const address = storable(event.origin.address, MAX_USER_AGENT)
  const userAgent = storable(event.origin.userAgent, MAX_USER_AGENT)
  const salt = address === null && userAgent === null ? null : Buffer.from(deps.random.bytes(SALT_BYTES)).toString('base64url')
  const fields = {
    id,
    at,
    name: event.name,
    outcome: event.outcome,
    actor: actorText(event.actor),
    subject: event.subject,
    session_id: event.session ?? null,
    request_id: event.origin.requestId,
    factors: event.factors?.join(' ') ?? null,
    reason: storable(event.reason ?? null, MAX_REASON),
    detail: storable(event.detail ?? null, MAX_DETAIL),
    key_version: deps.keys.newest,
    origin_digest: salt === null ? null : originDigest(salt, address, userAgent),
  }
  return { ...fields, address, user_agent: userAgent, salt, mac: eventMac(deps.keys, fields), seq: null, link: null }
}

function actorText(actor: Actor): string {
  return typeof actor === 'string' ? actor : `user:${actor.user}`
}

/** Where a user who is no more was, and with what browser, goes with them (CHECKLIST R290). The chain holds its digest only, and stays whole. */
export async function forgetOriginsOf(tx: Db, userId: string): Promise<void> {
  await deleteOriginsOf(tx, userId)
}

/** Text that both engines hold as it is, so that its MAC is right when it is read: no U+0000, no half of a surrogate pair. */
function storable(text: string | null, length: number): string | null {
  return text === null ? null : text.slice(0, length).replaceAll('\0', '\ufffd').toWellFormed()
}

/** What stands in `detail` for an address that nobody has: the same for the same address, and of no use without the key (CHECKLIST R228). */
export function identifierDetail(deps: Pick<Deps, 'keys'>, emailCanonical: string | null): { readonly detail?: string } {
  // What is no address may be a password in the wrong field: nothing of it is kept.
  if (emailCanonical === null) return {}
  return { detail: `identifier=${keyedDigest(deps.keys, 'audit', `identifier ${emailCanonical}`).slice(0, 22)}` }
}
