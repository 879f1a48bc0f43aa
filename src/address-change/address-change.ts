import { recordEvent, recordFailure } from '../audit/record.ts'
import { hashOpaqueToken, makeOpaqueToken } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { deferMail, queueMail } from '../mail/mail.ts'
import type { Origin } from '../origin.ts'
import { forgetPassword } from '../passwords/password.ts'
import { tellOwner } from '../registration/registration.ts'
import { requireLiveIn, type Session } from '../sessions/session.ts'
import { takeAllowance } from '../throttles/allowance.ts'
import { reserveTokenTry, succeedAttempt } from '../throttles/throttle.ts'
import type { EmailAddress } from '../users/email-address.ts'
import { findUserById, findUserIn, requireEmailAddress, setVerifiedAddress } from '../users/user.ts'
import {
  type AddressChange,
  confirmWithToken,
  deleteExpiredAddressChanges,
  deleteExpiredAddressUndos,
  findAddressChange,
  insertAddressUndo,
  putAddressChange,
  setAddressTokens,
  takeAddressUndo,
} from './address-change-store.ts'

type ChangeDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'log'>

/** CHECKLIST R110 holds for the links of a change too: at most 24 hours (NIST SP 800-63B-4 section 4.2.1.2). */
const CHANGE_SECONDS = 86_400
/** CHECKLIST R122: the former address can take the account back for 72 hours at least. */
export const UNDO_SECONDS = 7 * 86_400

/**
 * Ask for another address. Nothing changes until it is confirmed: by the new address, and by the present one too, since a password alone guards the account
 * (CHECKLIST R121, R122). The answer is the same whether the new address has an account or not; a conflict surfaces to that account's owner only (R033).
 * A new wish takes the earlier one's place, with its links (R117). Over the allowance of mails from one origin (R050) nothing is begun, and the answer is the same.
 * Step-up is the route's.
 *
 * @throws AuthError `field_required`, `field_invalid`
 */
export async function requestAddressChange(
  deps: ChangeDeps,
  session: Session,
  input: { readonly email: string; readonly origin: Origin },
): Promise<void> {
  if (input.email === '') throw new AuthError('field_required', { field: 'email' })
  const next = requireEmailAddress(input.email)
  const old = requireEmailAddress(session.user.email)
  if (next.address === old.address)
    throw new AuthError('field_invalid', { field: 'email', sentence: 'The field "email" is your address already.' })
  if (!(await takeAllowance(deps, { what: 'mail_origin', address: input.origin.address }))) return
  const now = deps.clock.now()
  const id = deps.random.uuid()
  const [createdAt, expiresAt] = [new Date(now), new Date(now + CHANGE_SECONDS * 1_000)]
  await deps.database.inTransaction(async (tx) => {
    await requireLiveIn(tx, session)
    await putAddressChange(tx, { id, userId: session.user.id, oldCanonical: old.canonical, next, createdAt, expiresAt })
    await deferMail(deps, tx, { kind: 'change_address', subject: id })
    await recordEvent(deps, tx, { ...eventOf(session.user.id, input.origin), name: 'user_email_change_requested', session: session.id })
  })
}

function eventOf(userId: string, origin: Origin) {
  return { outcome: 'success', actor: { user: userId }, subject: userId, origin } as const
}

/** The mails of a change, decided outside of its request: a link to each address, or a word to whoever has the new one already. */
export async function resolveAddressChange(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  tx: Db,
  id: string,
): Promise<void> {
  const change = await findAddressChange(tx, id)
  const user = change && (await findUserById(tx, change.userId))
  if (!change || !user) return
  const holder = await findUserIn(tx, change.next.canonical)
  const taken = holder !== null && holder.id !== user.id
  const recipient = { what: 'mail_recipient', kind: 'confirm_new_address', canonicalAddress: change.next.canonical } as const
  const mailsNew = !taken && (await takeAllowance(deps, recipient, tx))
  const [old, next] = [makeOpaqueToken(deps.random), makeOpaqueToken(deps.random)]
  if (!(await setAddressTokens(tx, id, { old: old.tokenHash, next: next.tokenHash }))) return
  const expiresAt = new Date(deps.clock.now() + CHANGE_SECONDS * 1_000)
  const newAddress = change.next.address
  if (taken) await tellOwner(deps, tx, holder)
  if (mailsNew)
    await queueMail(deps, tx, {
      to: newAddress,
      userId: user.id,
      message: { kind: 'confirm_new_address', token: next.token, newAddress },
      expiresAt,
    })
  // Whoever asks is mailed the same either way: their own mailbox must not tell them whose address it is (CHECKLIST R033).
  await queueMail(deps, tx, {
    to: user.email,
    userId: user.id,
    message: { kind: 'address_change_requested', token: old.token, newAddress },
    expiresAt,
  })
}

/** What a confirmation has brought about. */
export type AddressOutcome = 'changed' | 'other_side_missing' | 'undone'

/**
 * Use a link of a change: of the new address, of the old one, or of the way back (CHECKLIST R122, R123). Each works once. The change is made by the second
 * confirmation, in one transaction with it; the unique index decides whether the address is still free.
 *
 * The way back restores the former address and shuts everybody out: every session and device ends, and the password is void, since whoever changed the address knew it.
 * A mail to the former address lets its owner choose another.
 *
 * @throws AuthError `address_token_invalid` - unknown, used, superseded, expired, or the address has an account meanwhile
 * @throws AuthError `too_many_attempts`
 */
export async function useAddressToken(
  deps: ChangeDeps,
  input: { readonly token: unknown; readonly origin: Origin },
): Promise<AddressOutcome> {
  const attempt = await reserveTokenTry(deps, input.origin.address)
  const tokenHash = hashOpaqueToken(input.token)
  const outcome =
    tokenHash &&
    (await deps.database.inTransaction(async (tx): Promise<AddressOutcome | null> => {
      const now = new Date(deps.clock.now())
      const change = (await confirmWithToken(tx, 'new', tokenHash, now)) ?? (await confirmWithToken(tx, 'old', tokenHash, now))
      if (change) {
        await succeedAttempt(tx, attempt)
        if (!change.oldConfirmed || !change.newConfirmed) return 'other_side_missing'
        await applyChange(deps, tx, change, input.origin)
        return 'changed'
      }
      const undo = await takeAddressUndo(tx, tokenHash, now)
      if (!undo) return null
      await succeedAttempt(tx, attempt)
      await takeBack(deps, tx, undo, input.origin)
      return 'undone'
    }))
  if (outcome) return outcome
  await recordFailure(deps, {
    outcome: 'failure',
    name: 'authn_token_fail',
    actor: 'nobody',
    subject: null,
    origin: input.origin,
    reason: 'address_change',
  })
  throw new AuthError('address_token_invalid', { logged: tokenHash ? 'unknown' : 'malformed' })
}

async function applyChange(deps: ChangeDeps, tx: Db, change: AddressChange, origin: Origin): Promise<void> {
  const now = new Date(deps.clock.now())
  const former = await setVerifiedAddress(tx, { userId: change.userId, from: change.oldCanonical, to: change.next, now })
  if (!former) throw new AuthError('address_token_invalid', { logged: 'address taken, or changed meanwhile' })
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const expiresAt = new Date(now.getTime() + UNDO_SECONDS * 1_000)
  await insertAddressUndo(tx, { tokenHash, userId: change.userId, old: former, createdAt: now, expiresAt })
  const message = { kind: 'address_changed', undoToken: token, newAddress: change.next.address } as const
  await queueMail(deps, tx, { to: former.address, userId: change.userId, message, expiresAt })
  await recordEvent(deps, tx, { ...eventOf(change.userId, origin), name: 'user_email_changed' })
}

async function takeBack(deps: ChangeDeps, tx: Db, undo: { userId: string; old: EmailAddress }, origin: Origin): Promise<void> {
  const now = new Date(deps.clock.now())
  const changed = await setVerifiedAddress(tx, { userId: undo.userId, from: null, to: undo.old, now })
  if (!changed) throw new AuthError('address_token_invalid', { logged: 'address taken meanwhile' })
  await queueMail(deps, tx, { to: changed.address, userId: undo.userId, message: { kind: 'address_restored' } })
  await forgetPassword(deps, tx, undo.userId)
  await deferMail(deps, tx, { kind: 'reset_password', subject: undo.old.canonical })
  await recordEvent(deps, tx, { ...eventOf(undo.userId, origin), name: 'user_email_change_undone' })
}

/** Remove at most `limit` changes that nobody confirmed in time. @returns how many */
export async function removeExpiredAddressChanges(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredAddressChanges(tx, new Date(deps.clock.now()), limit))
}

/** Remove at most `limit` ways back that are over. @returns how many */
export async function removeExpiredAddressUndos(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredAddressUndos(tx, new Date(deps.clock.now()), limit))
}
