import { listEventsOfUser } from '../audit/audit.ts'
import type { Initiator } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import type { Deps } from '../deps.ts'
import { findFactors } from '../factors/factors.ts'
import { listMailsOf } from '../mail/mail.ts'
import { listPasskeys } from '../passkeys/passkey.ts'
import { listSessions } from '../sessions/session.ts'
import { listDevices } from '../throttles/device.ts'
import type { User } from '../users/user.ts'

/** More events than anybody reads; the newest come first. */
const MAX_EVENTS = 10_000

/** Everything that the service holds on a user and that says something about them; no hash and no secret (CHECKLIST R289; GDPR Art. 15 and 20). */
export async function exportOwnData(deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>, user: User, by: Initiator) {
  const [sessions, devices, factors, passkeys, mails, events] = await Promise.all([
    listSessions(deps, user.id),
    listDevices(deps, user.id),
    findFactors(deps.database.reads, user.id),
    listPasskeys(deps, user.id),
    listMailsOf(deps, user.id),
    listEventsOfUser(deps, user.id, { limit: MAX_EVENTS }),
  ])
  await deps.database.inTransaction((tx) => recordEvent(deps, tx, { ...by, name: 'user_exported', outcome: 'success', subject: user.id }))
  return { exportedAt: new Date(deps.clock.now()), user, sessions, devices, factors, passkeys, mails, events }
}

export type OwnData = Awaited<ReturnType<typeof exportOwnData>>
