import type { Initiator } from '../audit/audit-event.ts'
import { openSealedText, sealedVersion, sealText } from '../crypto/sealed-text.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type ClaimedRight, type FactorRight, factorAdded, factorRemoved, holdFactors } from '../factors/factors.ts'
import { makeRecoveryCodes, storeRecoveryCodes } from '../recovery-codes/recovery-code.ts'
import { type Attempt, releaseAttempt, reserveAttempt, succeedAttempt } from '../throttles/throttle.ts'
import { enableSecondFactor } from '../throttles/throttle-admin.ts'
import type { User } from '../users/user.ts'
import { makeTotpSecret, normaliseTotpCode, stepOfCode, totpUri } from './totp-code.ts'
import {
  deleteExpiredEnrolments,
  deleteTotp,
  findEnrolment,
  findSealedWith,
  findTotp,
  putEnrolment,
  putTotp,
  raiseLastStep,
  replaceSealed,
  takeEnrolment,
} from './totp-store.ts'

type TotpDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'log'>

/** CHECKLIST R134: how long a secret that was shown waits for its first code. */
export const ENROLMENT_SECONDS = 600

/**
 * Begin to enrol an authenticator app: a secret that is shown this once, bound to the session or ticket that asks. It counts for nothing before {@link confirmTotp}, and an app that
 * is enrolled already goes on (CHECKLIST R133, R134).
 */
export async function beginTotp(
  deps: TotpDeps,
  { user, boundTo }: Pick<FactorRight, 'user' | 'boundTo'>,
): Promise<{ readonly secret: string; readonly uri: string }> {
  const secret = await makeTotpSecret(deps.random)
  const sealed = sealText(deps.keys, deps.random, placeOf(user.id), secret)
  const expiresAt = new Date(deps.clock.now() + ENROLMENT_SECONDS * 1_000)
  await deps.database.inTransaction((tx) => putEnrolment(tx, { boundTo, userId: user.id, secret: sealed, expiresAt }))
  return { secret, uri: await totpUri({ issuer: deps.config.name, label: user.email }, secret) }
}

/** Sealed for its user and this purpose: put into another user's row it cannot be opened (CHECKLIST R137). */
function placeOf(userId: string) {
  return { label: 'totp', rowId: userId } as const
}

/**
 * Finish it with a code of the new secret, which takes the place of an earlier one; the code is used up by it. In one transaction with whatever the right to it is used up by,
 * and with ten recovery codes in place of earlier ones, which are shown this once. Wrong codes count as those at a login do (CHECKLIST R045).
 *
 * @throws AuthError `enrolment_not_found` - not begun here, or more than ten minutes ago
 * @throws AuthError `code_wrong`, `too_many_attempts`, `busy`
 * @throws AuthError `session_required`, `ticket_invalid` - ended meanwhile
 */
export async function confirmTotp(
  deps: TotpDeps & Pick<Deps, 'hashQueue'>,
  right: FactorRight,
  input: { readonly code: unknown; readonly isKnownDevice: boolean },
): Promise<{ readonly claimed: ClaimedRight; readonly recoveryCodes: readonly string[] }> {
  const { user, boundTo } = right
  const now = deps.clock.now()
  const sealed = await findEnrolment(deps.database.reads, { boundTo, userId: user.id, now: new Date(now) })
  const secret = sealed && openSealedText(deps.keys, placeOf(user.id), sealed)
  if (!sealed || !secret) throw new AuthError('enrolment_not_found')
  const reservation = await reserveAttempt(
    deps,
    attemptOf(user.id, { isKnownDevice: input.isKnownDevice, address: right.by.origin.address }),
  )
  const code = normaliseTotpCode(input.code)
  const step = code && (await stepOfCode(secret, code, now))
  if (step === null || step === '') throw new AuthError('code_wrong', { field: 'code', logged: 'enrolment' })
  // Not before the code is known to be right: hashing ten is not for whoever guesses.
  const made = await makeRecoveryCodes(deps).catch(async (error: unknown) => {
    await releaseAttempt(deps, reservation)
    throw error
  })
  const claimed = await deps.database.inTransaction(async (tx) => {
    await holdFactors(tx, user.id)
    if (!(await takeEnrolment(tx, { boundTo, userId: user.id, secret: sealed })))
      throw new AuthError('enrolment_not_found', { logged: 'taken meanwhile' })
    const way = await right.claim(tx, 'otp')
    await putTotp(tx, {
      userId: user.id,
      secret: sealed,
      keyVersion: sealedVersion(sealed) ?? '',
      lastStep: step,
      createdAt: new Date(now),
    })
    await storeRecoveryCodes(deps, tx, user.id, made)
    await succeedAttempt(tx, reservation)
    // Bound anew: nobody has failed on this one yet (CHECKLIST R040).
    await enableSecondFactor(tx, user.id)
    await factorAdded(deps, tx, { user, factor: 'totp', by: right.by })
    return way
  })
  return { claimed, recoveryCodes: made.codes }
}

/** The attempts of a user's codes and recovery codes, whatever ticket or session they are made with (CHECKLIST R046). */
export function attemptOf(userId: string, from: Pick<Attempt, 'isKnownDevice' | 'address'>): Attempt {
  return { authenticator: 'second_factor', account: { userId }, ...from }
}

/** What was proved, to be used up in the transaction that it is the proof for. False there: somebody else was faster. */
export type ProvenCode = (tx: Db) => Promise<boolean>

/**
 * Is this a code of the user's app that was not used yet? `null`: it is not, or there is no app. What the throttles say of it is the caller's to ask, before.
 */
export async function checkTotp(deps: TotpDeps, userId: string, text: unknown): Promise<ProvenCode | null> {
  const stored = await findTotp(deps.database.reads, userId)
  const code = normaliseTotpCode(text)
  if (!stored || code === null) return null
  const secret = openSealedText(deps.keys, placeOf(userId), stored.secret)
  if (secret === null) {
    // Altered, put there from another row, or sealed with a secret that is gone: nothing that a user can cause.
    deps.log.error({ event: 'totp_secret_unreadable', user: userId })
    return null
  }
  const step = await stepOfCode(secret, code, deps.clock.now())
  if (step === null || step <= stored.lastStep) return null
  return (tx) => raiseLastStep(tx, { userId, secret: stored.secret, step })
}

/**
 * Remove the authenticator app.
 *
 * @throws AuthError `factor_not_found`, `last_factor`
 */
export async function removeTotp(deps: TotpDeps, user: User, by: Initiator, stillHolds: (tx: Db) => Promise<void>): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    await holdFactors(tx, user.id)
    await stillHolds(tx)
    if (!(await deleteTotp(tx, user.id))) throw new AuthError('factor_not_found')
    await factorRemoved(deps, tx, { user, factor: 'totp', by })
  })
}

/**
 * Seal every secret anew with the newest version of the root secret, batch by batch, so that an older one falls out of use. One that cannot be opened stays as it is and keeps no other from it.
 */
export async function resealTotpSecrets(
  { keys, random, database }: Pick<Deps, 'database' | 'keys' | 'random'>,
  batch: number,
): Promise<void> {
  const older = keys.versions.filter((version) => version !== keys.newest)
  let after = ''
  while (older.length > 0) {
    const rows = await findSealedWith(database.reads, older, { after, limit: batch })
    const opened = rows.flatMap(({ userId, secret: from }) => {
      const secret = openSealedText(keys, placeOf(userId), from)
      return secret === null ? [] : [{ userId, from, to: sealText(keys, random, placeOf(userId), secret), keyVersion: keys.newest }]
    })
    if (opened.length > 0)
      await database.inTransaction(async (tx) => {
        for (const one of opened) await replaceSealed(tx, one)
      })
    const last = rows.at(-1)
    if (!last || rows.length < batch) return
    after = last.userId
  }
}

/** Remove at most `limit` secrets that nobody confirmed in time. @returns how many */
export async function removeExpiredEnrolments(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredEnrolments(tx, new Date(deps.clock.now()), limit))
}
