import type { Initiator } from '../audit/audit-event.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { eraseMailsOf, queueMail } from '../mail/mail.ts'
import { forgetAddress } from '../registration/registration.ts'
import { requireEmailAddress, type User } from '../users/user.ts'
import { deleteUserIn } from '../users/user-admin.ts'

/**
 * Erase a user, at their own wish or by an operator: at once, without a grace period, with sessions, devices, tokens, mails that wait, and whatever was begun with
 * their address (CHECKLIST R290; GDPR Art. 17). The audit log keeps what happened to their random id, not from where. The address can register again, as somebody else.
 *
 * `stillHolds` refuses by throwing: what gave the right to it may have ended meanwhile.
 *
 * @throws AuthError `user_not_found`
 */
export async function eraseUser(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  user: Pick<User, 'id' | 'email'>,
  by: Initiator,
  stillHolds: (tx: Db) => Promise<void> = async () => {},
): Promise<void> {
  const { canonical: canonicalAddress } = requireEmailAddress(user.email)
  await deps.database.inTransaction(async (tx) => {
    await stillHolds(tx)
    await deleteUserIn(deps, tx, user.id, by)
    await eraseMailsOf(deps, tx, { userId: user.id, canonicalAddress })
    await forgetAddress(tx, canonicalAddress)
    // The last one, sealed until it is sent: whoever did not wish it must hear of it.
    await queueMail(deps, tx, { to: user.email, userId: null, message: { kind: 'account_deleted' } })
  })
}
