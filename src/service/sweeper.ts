import { removeExpiredAddressChanges, removeExpiredAddressUndos } from '../address-change/address-change.ts'
import { removeOldEvents, truncateOldOrigins } from '../audit/retention.ts'
import type { Deps } from '../deps.ts'
import { removeExpiredTickets } from '../login/ticket.ts'
import { removeExpiredLoginCodes } from '../login-codes/login-code.ts'
import { removeEndedMails, removeKeptMails, removeOldMailRequests } from '../mail/mail.ts'
import { removeExpiredChallenges } from '../passkeys/challenge.ts'
import { removeExpiredResetTokens } from '../password-reset/password-reset.ts'
import { removeExpiredRegistrations, removeExpiredVerificationTokens } from '../registration/registration.ts'
import { removeExpiredSessions } from '../sessions/session.ts'
import { removeExpiredDevices } from '../throttles/device.ts'
import { removeEndedThrottles } from '../throttles/throttle-admin.ts'
import { removeExpiredEnrolments, resealTotpSecrets } from '../totp/totp.ts'

/**
 * Small enough that a login never waits long behind it, and that it ends within the time of a statement: of ten million sessions each row that is removed lies on
 * seven pages of its own, which may all have to come from the disk.
 */
const BATCH = 100

/** Events lie side by side, so more of them go at once. */
const EVENT_BATCH = 1_000

type SweepDeps = Pick<Deps, 'database' | 'clock' | 'config' | 'random' | 'keys'>

/** Each removes at most so many rows that ended by themselves, and says how many. */
const REMOVALS: readonly ((deps: SweepDeps, limit: number) => Promise<number>)[] = [
  removeExpiredSessions,
  removeExpiredResetTokens,
  removeExpiredRegistrations,
  removeExpiredVerificationTokens,
  removeExpiredLoginCodes,
  removeExpiredTickets,
  removeExpiredEnrolments,
  removeExpiredChallenges,
  removeExpiredAddressChanges,
  removeExpiredAddressUndos,
  removeExpiredDevices,
  removeEndedThrottles,
  removeEndedMails,
  removeKeptMails,
  removeOldMailRequests,
]

/** Remove what ended by itself, batch by batch (CHECKLIST R294), and seal anew what is sealed with an old version of the secret. @returns how many rows went */
export async function sweep(deps: SweepDeps): Promise<number> {
  let removed = 0
  for (const remove of REMOVALS) {
    let count = BATCH
    while (count >= BATCH) {
      count = await remove(deps, BATCH)
      removed += count
    }
  }
  await resealTotpSecrets(deps, BATCH)
  for (const old of [removeOldEvents, truncateOldOrigins]) while ((await old(deps, EVENT_BATCH)) >= EVENT_BATCH);
  return removed
}
