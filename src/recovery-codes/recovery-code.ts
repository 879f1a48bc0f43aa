import type { Initiator } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import { makeCrockfordCode, normaliseCrockford } from '../crypto/crockford.ts'
import { costText, readCost, SALT_BYTES, saltedHash } from '../crypto/salted-hash.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { factorAdded, findFactors, hasSecondFactor, holdFactors } from '../factors/factors.ts'
import { queueMail } from '../mail/mail.ts'
import type { User } from '../users/user.ts'
import { countCodes, findCodeSet, hasCode, replaceCodes, takeCode } from './recovery-code-store.ts'

/** CHECKLIST R142, D14: ten, of 80 bits each (NIST SP 800-63B-4 section 4.2.1.1 asks for 64). */
export const RECOVERY_CODES = 10
const LENGTH = 16

type CodeDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'hashQueue'>

/** Codes that are shown this once, and what the database keeps of them. */
export interface NewRecoveryCodes {
  readonly codes: readonly string[]
  readonly salt: string
  readonly cost: string
  readonly hashes: readonly string[]
}

/**
 * Ten new codes, hashed with Argon2id under one salt of this user's, so that a try costs one hash (CHECKLIST R143). They count for nothing before
 * {@link storeRecoveryCodes}. Made before the transaction that stores them: no hashing inside one.
 *
 * @throws AuthError `busy`
 */
export async function makeRecoveryCodes({
  random,
  config,
  hashQueue,
}: Pick<Deps, 'random' | 'config' | 'hashQueue'>): Promise<NewRecoveryCodes> {
  const codes = Array.from({ length: RECOVERY_CODES }, () => makeCrockfordCode(random, LENGTH))
  const salt = Buffer.from(random.bytes(SALT_BYTES))
  const { argon2 } = config.password
  const hashes = await hashQueue.run(async () => {
    const made: string[] = []
    for (const code of codes) made.push(await saltedHash(code.replaceAll('-', ''), salt, argon2))
    return made
  })
  return { codes, salt: salt.toString('base64url'), cost: costText(argon2), hashes }
}

/** Within the caller's transaction: the whole earlier set is void (CHECKLIST R145). */
export async function storeRecoveryCodes(
  deps: Pick<Deps, 'clock'>,
  tx: Db,
  userId: string,
  { salt, cost, hashes }: NewRecoveryCodes,
): Promise<void> {
  await replaceCodes(tx, { userId, salt, cost, hashes, createdAt: new Date(deps.clock.now()) })
}

/**
 * A new set in place of the old one, for a user who has a second factor. The owner is told.
 *
 * @returns the codes, which nobody can ask for again
 * @throws AuthError `factor_not_found` - there is no second factor that they could stand in for
 * @throws AuthError `busy`, `session_required`
 */
export async function renewRecoveryCodes(
  deps: CodeDeps,
  user: User,
  by: Initiator,
  stillHolds: (tx: Db) => Promise<void>,
): Promise<readonly string[]> {
  const made = await makeRecoveryCodes(deps)
  await deps.database.inTransaction(async (tx) => {
    await holdFactors(tx, user.id)
    await stillHolds(tx)
    if (!hasSecondFactor(await findFactors(tx, user.id)))
      throw new AuthError('factor_not_found', {
        sentence: 'Recovery codes stand in for a second factor. Add an authenticator app or a passkey first.',
      })
    await storeRecoveryCodes(deps, tx, user.id, made)
    await factorAdded(deps, tx, { user, factor: 'recovery_codes', by })
  })
  return made.codes
}

/** What was proved, to be used up in the transaction that it is the proof for. False there: somebody else was faster. */
export type ProvenRecoveryCode = (tx: Db) => Promise<boolean>

/**
 * Is this one of the user's codes? One hash, whether the user has any or not. `null`: it is not. What the throttles say of it is the caller's to ask, before.
 *
 * @throws AuthError `busy`
 */
export async function checkRecoveryCode(deps: CodeDeps, userId: string, text: unknown): Promise<ProvenRecoveryCode | null> {
  const set = await findCodeSet(deps.database.reads, userId)
  const code = normaliseCrockford(text, LENGTH)
  const cost = (set && readCost(set.cost)) ?? deps.config.password.argon2
  const salt = set ? Buffer.from(set.salt, 'base64url') : Buffer.alloc(SALT_BYTES)
  const hash = await deps.hashQueue.run(() => saltedHash(code ?? 'not a code', salt, cost))
  if (code === null || !set || !(await hasCode(deps.database.reads, userId, hash))) return null
  return (tx) => takeCode(tx, userId, hash)
}

/** Within the transaction of a login with one of them: the log has it, and the owner is told how many are left (CHECKLIST R147). */
export async function recoveryCodeUsed(
  deps: Pick<Deps, 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  user: Pick<User, 'id' | 'email'>,
  by: Initiator,
): Promise<void> {
  const remaining = await countCodes(tx, user.id)
  await recordEvent(deps, tx, { ...by, name: 'recovery_code_used', outcome: 'success', subject: user.id, detail: `left=${remaining}` })
  await queueMail(deps, tx, { to: user.email, userId: user.id, message: { kind: 'recovery_code_used', remaining } })
}
