import type { Initiator } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { queueMail } from '../mail/mail.ts'
import { voidDevices } from '../throttles/device.ts'
import { enableSecondFactor } from '../throttles/throttle-admin.ts'
import { findUserById, voidProofsIn } from '../users/user.ts'
import { deleteSecondFactorsOf } from './factor-store.ts'

/** Within the caller's transaction: whoever added them may not have been the owner, whom nobody had asked yet (CHECKLIST R116). */
export async function voidSecondFactorsIn(tx: Db, userId: string): Promise<void> {
  await deleteSecondFactorsOf(tx, userId)
}

/**
 * What an operator does for a user who has lost what they prove themselves with beside the password, or whose browsers are in somebody else's hands: authenticator app, passkeys and
 * recovery codes go, known browsers are strangers again, and mailed codes and links are void. The owner is told of each. Sessions go on; `bienvenue sessions end` ends them.
 *
 * @throws AuthError `user_not_found`
 */
export async function removeFactors(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  userId: string,
  by: Initiator,
): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    const user = await findUserById(tx, userId)
    if (!user) throw new AuthError('user_not_found')
    const { passkeys, totp } = await deleteSecondFactorsOf(tx, userId)
    await voidDevices(tx, userId)
    await voidProofsIn(tx, userId)
    await enableSecondFactor(tx, userId)
    const detail = `passkeys=${passkeys} totp=${totp}`
    await recordEvent(deps, tx, { ...by, name: 'factor_removed', outcome: 'success', subject: userId, detail })
    const gone = [...(totp > 0 ? ['totp' as const] : []), ...(passkeys > 0 ? ['passkey' as const] : [])]
    for (const factor of gone) await queueMail(deps, tx, { to: user.email, userId, message: { kind: 'factor_removed', factor } })
  })
}
