import { AUDIT_EVENTS, type AuditEventName } from '../../audit/audit-event.ts'

/** Events of the service itself: no user is ever their subject. */
const SERVICE_EVENTS = ['sys_startup', 'key_rotated', 'config_changed', 'audit_cut'] as const satisfies readonly AuditEventName[]

type ServiceEventName = (typeof SERVICE_EVENTS)[number]

/** What may stand in the log under a user's id. A new event does not compile until every language has words for it. */
export type UserEventName = Exclude<AuditEventName, ServiceEventName>

export const USER_EVENTS: readonly UserEventName[] = AUDIT_EVENTS.filter(isUserEvent)

function isUserEvent(name: AuditEventName): name is UserEventName {
  return SERVICE_EVENTS.every((one) => one !== name)
}
