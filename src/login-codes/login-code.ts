import { SERVICE } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import { makeCrockfordCode, normaliseCrockford } from '../crypto/crockford.ts'
import { keyedDigest } from '../crypto/keyring.ts'
import { hashOpaqueToken, makeOpaqueToken } from '../crypto/opaque-token.ts'
import { sameText } from '../crypto/same-bytes.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { queueMail } from '../mail/mail.ts'
import { takeAllowance } from '../throttles/allowance.ts'
import { findUserById, findUserIn, isEnabled } from '../users/user.ts'
import { deleteExpiredLoginCodes, findLoginCode, findUserOfLoginToken, putLoginCode, takeLoginCode } from './login-code-store.ts'

/** ASVS 5.0 V6.5.5: at most ten minutes for a code that comes out of band (CHECKLIST D7, R108). */
export const LOGIN_CODE_SECONDS = 600

/** Eight letters of Crockford's base 32 are 40 bits. */
const LENGTH = 8

/** As people type it. `null`: it cannot be a code. */
export function normaliseCode(text: unknown): string | null {
  return normaliseCrockford(text, LENGTH)
}

/**
 * The mail that somebody asked for who wants to log in without a password: a code to type and a link, for a user who is enabled and has proved this address.
 * Decided outside of the request. A newer code takes the earlier one's place; the tries are counted on the account, across codes (throttles/).
 */
export async function resolveLoginCode(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  canonicalAddress: string,
): Promise<void> {
  const user = await findUserIn(tx, canonicalAddress)
  if (!user || !(await isEnabled(tx, user)) || (deps.config.posture === 'hardened' && !user.emailVerified)) return
  if (!(await takeAllowance(deps, { what: 'mail_recipient', kind: 'login_code', canonicalAddress }, tx))) return
  const code = makeCrockfordCode(deps.random, LENGTH)
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const now = deps.clock.now()
  const [createdAt, expiresAt] = [new Date(now), new Date(now + LOGIN_CODE_SECONDS * 1_000)]
  const codeDigest = digestOf(deps, user.id, code.replace('-', ''), deps.keys.newest)
  await putLoginCode(tx, { userId: user.id, codeDigest, keyVersion: deps.keys.newest, tokenHash, createdAt, expiresAt })
  await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'login_code', code, token }, expiresAt })
  await recordEvent(deps, tx, { ...SERVICE, name: 'authn_token_created', detail: 'login_code', outcome: 'success', subject: user.id })
}

/** Bound to its user: two users' equal codes have different digests. */
function digestOf(deps: Pick<Deps, 'keys'>, userId: string, code: string, version: string): string {
  return keyedDigest(deps.keys, 'login-code', `${userId} ${code}`, version)
}

/** What was proved, to be consumed in the login's transaction: of logins that race with one code, one begins a session. */
export type ProvenLoginCode = (tx: Db) => Promise<boolean>

/** Is this the code that was mailed to the user? `null`: it is not, or it has expired, or there is none. */
export async function checkLoginCode(
  deps: Pick<Deps, 'database' | 'clock' | 'keys'>,
  userId: string,
  text: unknown,
): Promise<ProvenLoginCode | null> {
  const code = normaliseCode(text)
  const now = new Date(deps.clock.now())
  const stored = await findLoginCode(deps.database.reads, userId, now)
  if (!stored || code === null || !deps.keys.versions.includes(stored.keyVersion)) return null
  if (!sameText(digestOf(deps, userId, code, stored.keyVersion), stored.codeDigest)) return null
  return (tx) => takeLoginCode(tx, { userId, codeDigest: stored.codeDigest }, new Date(deps.clock.now()))
}

/** Whose link is this? `null`: nobody's, or it has expired. */
export async function checkLoginToken(
  deps: Pick<Deps, 'database' | 'clock'>,
  text: unknown,
): Promise<{ readonly userId: string; readonly consume: ProvenLoginCode } | null> {
  const tokenHash = hashOpaqueToken(text)
  const userId = tokenHash && (await findUserOfLoginToken(deps.database.reads, tokenHash, new Date(deps.clock.now())))
  if (!tokenHash || !userId) return null
  return { userId, consume: (tx) => takeLoginCode(tx, { userId, tokenHash }, new Date(deps.clock.now())) }
}

/** For the page of a link: whose it is, so that nobody follows a stranger's link into a stranger's account unaware. `null`: nobody's. */
export async function addressOfLoginToken(deps: Pick<Deps, 'database' | 'clock'>, text: unknown): Promise<string | null> {
  const found = await checkLoginToken(deps, text)
  return found && ((await findUserById(deps.database.reads, found.userId))?.email ?? null)
}

/** Remove at most `limit` codes that expired. @returns how many */
export async function removeExpiredLoginCodes(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredLoginCodes(tx, new Date(deps.clock.now()), limit))
}
