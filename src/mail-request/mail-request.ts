import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { deferMail } from '../mail/mail.ts'
import { takeAllowance } from '../throttles/allowance.ts'
import { requireEmailAddress } from '../users/user.ts'

/**
 * Somebody who says that an address is theirs asks for a mail to it. One row is written whatever the address is, so that neither the answer nor its time tells
 * whether there is an account (CHECKLIST R032, R033); who gets what is decided outside of the request. Whoever asks too often, by the address of origin, gets the same answer
 * and no mail (R050).
 *
 * @throws AuthError `field_required`, `field_invalid`
 */
export async function requestMail(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  request: { readonly kind: 'reset_password' | 'verify_address' | 'login_code'; readonly address: string; readonly origin: string | null },
): Promise<void> {
  if (request.address === '') throw new AuthError('field_required', { field: 'email' })
  const { canonical } = requireEmailAddress(request.address)
  if (!(await takeAllowance(deps, { what: 'mail_origin', address: request.origin }))) return
  await deps.database.inTransaction((tx) => deferMail(deps, tx, { kind: request.kind, subject: canonical }))
}
