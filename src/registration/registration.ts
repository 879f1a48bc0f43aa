import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { hashNewPassword, hashPassword } from '../passwords/password.ts'
import { alreadyRegistered, createUser, findUserByEmail, requireEmailAddress, type User } from '../users/user.ts'

type RegistrationDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'config' | 'hashQueue'>

/**
 * Register as a person does: registration must be open and the password good enough.
 * Of registrations that race for one address, one wins (CHECKLIST R127).
 *
 * @throws AuthError `registration_closed`
 * @throws AuthError `field_required`, `field_invalid`, `password_rejected` - each names the field
 * @throws AuthError `email_already_registered`
 * @throws AuthError `busy`
 */
export async function register(deps: RegistrationDeps, input: { readonly email: string; readonly password: string }): Promise<User> {
  if (deps.config.registration === 'closed') throw new AuthError('registration_closed')
  if (input.email === '') throw new AuthError('field_required', { field: 'email' })
  const email = requireEmailAddress(input.email)
  // A look before the hash spares its cost; the unique index decides.
  if (await findUserByEmail(deps, email.address)) throw alreadyRegistered(email.address)
  return createUser(deps, { email, passwordHash: await hashNewPassword(deps, input.password, { email: email.address, field: 'password' }) })
}

/**
 * CONTRACT task 5, for code that is trusted: no policy beyond what can be hashed, and registration may be closed.
 *
 * @throws AuthError `email_already_registered` - its message is `User <address> already exists`
 */
export async function registerUser(deps: RegistrationDeps, address: unknown, password: unknown): Promise<User> {
  const email = requireEmailAddress(address)
  if (await findUserByEmail(deps, email.address)) throw alreadyRegistered(email.address)
  return createUser(deps, { email, passwordHash: await hashPassword(deps, password) })
}
