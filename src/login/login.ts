import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { checkPassword, confirmPassword, type ProvenPassword } from '../passwords/password.ts'
import { endSessionOfTokenIn, issueSession, type SessionOrigin } from '../sessions/session.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { findUserByEmail, isEnabled, type User } from '../users/user.ts'

type LoginDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'config' | 'hashQueue' | 'log'>

export interface LoginRequest extends SessionOrigin {
  readonly email: unknown
  readonly password: unknown
  /** The session that this browser holds already; it ends with a good login. */
  readonly presentedToken: string | null
}

/**
 * Log in with a password. Unknown address, wrong password, disabled account, no password: one refusal, one hash's time (CHECKLIST R028, R029).
 *
 * @returns the new session's token, for the cookie
 * @throws AuthError `login_refused` - the true reason goes to the log
 * @throws AuthError `busy`
 */
export async function logIn(deps: LoginDeps, request: LoginRequest): Promise<string> {
  const canonical = parseEmailAddress(request.email)?.canonical ?? null
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const check = await checkPassword(deps, canonical, request.password)
    if (!check.matches) throw new AuthError('login_refused', { logged: check.reason })
    const token = await completeLogin(deps, { ...request, userId: check.userId, amr: ['pwd'], proof: { password: check } })
    if (token !== null) return token
  }
  throw new AuthError('login_refused', { logged: 'changed_meanwhile' })
}

/** A parallel login may upgrade the hash, or a change replace it, between check and commit: then the password is checked again. */
const MAX_ATTEMPTS = 3

/**
 * Where every login ends, however it began: one transaction that makes sure that what was proved still holds, upgrades an old hash,
 * ends the browser's earlier session and begins the new one. A password that was changed meanwhile begins nothing.
 *
 * @returns the token, or `null` where the proof no longer holds
 */
export async function completeLogin(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'config'>,
  login: SessionOrigin & {
    readonly userId: string
    readonly amr: readonly string[]
    readonly presentedToken: string | null
    /** What must still hold at the commit: a password that was checked, or a user who was found. */
    readonly proof: { readonly password: ProvenPassword } | { readonly user: User }
  },
): Promise<string | null> {
  return deps.database.inTransaction(async (tx) => {
    const { proof } = login
    const holds = 'user' in proof ? await isEnabled(tx, proof.user) : await confirmPassword(tx, login.userId, proof.password)
    if (!holds) return null
    if (login.presentedToken !== null) await endSessionOfTokenIn(tx, login.presentedToken)
    return issueSession(deps, tx, login)
  })
}

/** CONTRACT task 8: true only for the right password of a known, enabled user; false in any other case, never an error. */
export async function validLogin(deps: LoginDeps, address: unknown, password: unknown): Promise<boolean> {
  try {
    const check = await checkPassword(deps, parseEmailAddress(address)?.canonical ?? null, password)
    if (check.matches && check.betterHash !== null) await deps.database.inTransaction((tx) => confirmPassword(tx, check.userId, check))
    return check.matches
  } catch (error) {
    // The contract allows no error: too busy, or no database, is not a yes.
    deps.log.error({ event: 'valid_login_failed', err: error })
    return false
  }
}

/** CONTRACT task 10: a session for this address without a proof, for an application that has made sure otherwise; `null` for an unknown one. */
export async function createSession(deps: LoginDeps, address: unknown): Promise<string | null> {
  const user = await findUserByEmail(deps, address)
  if (!user || user.disabled) return null
  return completeLogin(deps, {
    userId: user.id,
    amr: ['application'],
    presentedToken: null,
    proof: { user },
    userAgent: null,
    address: null,
  })
}
