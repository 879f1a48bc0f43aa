import { issueTicket } from '../src/login/ticket.ts'
import type { HardenedApp } from './hardened-app.ts'
import { addPasskey, enrolTotp } from './second-factors.ts'
import type { TestApp } from './test-app.ts'
import type { Authenticator } from './virtual-authenticator.ts'

/** What a user with every factor holds in their hands. */
export interface HeldFactors {
  readonly secret: string
  readonly recoveryCodes: readonly string[]
  readonly authenticator: Authenticator
}

/** Give the user of this session every factor; the clock stands where it stood. */
export async function giveFactors(app: HardenedApp, session: string): Promise<HeldFactors> {
  const totp = await enrolTotp(app, session)
  const { authenticator } = await addPasskey(app, totp.session)
  app.clock.advance(-30)
  return { secret: totp.secret, recoveryCodes: totp.recoveryCodes, authenticator }
}

/** A ticket without the time of a hash; '' where nobody has the address. */
export async function ticketFor(app: Pick<TestApp, 'auth'>, email: string): Promise<string> {
  const { deps } = app.auth
  const user = await deps.database.reads.selectFrom('users').select('id').where('email', '=', email).executeTakeFirst()
  return user ? deps.database.inTransaction((tx) => issueTicket(deps, tx, { userId: user.id, amr: ['pwd'] })) : ''
}
