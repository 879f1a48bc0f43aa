import type { AuditEventName, Initiator } from '../audit/audit-event.ts'
import { recordEvent, recordFailure } from '../audit/record.ts'
import type { Db } from '../db/database.ts'
import { countSessions } from '../db/session-counts.ts'
import type { Deps } from '../deps.ts'
import { AuthError, invalidField } from '../errors.ts'
import { voidDevices } from '../throttles/device.ts'
import { enablePassword } from '../throttles/throttle-admin.ts'
import { type EmailAddress, parseEmailAddress } from './email-address.ts'
import {
  deleteProofsOf,
  deleteSessionsOf,
  deleteUndosOf,
  findUserWhere,
  insertUser,
  setConfirmedAddress,
  setVerified,
  type UserChanges,
  updateUserRow,
  userIsEnabled,
} from './user-store.ts'

/** A user's id. Random, so that nobody can guess or count others (CHECKLIST R037). */
export type UserId = string & { readonly brand?: 'UserId' }

/** A user as callers see one. The password hash never leaves the stores. */
export interface User {
  readonly id: UserId
  readonly externalId: string | null
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string | null
  readonly metadata: Record<string, unknown> | null
  readonly hasPassword: boolean
  readonly disabled: boolean
  readonly createdAt: Date
  readonly passwordChangedAt: Date | null
}

export interface NewUser {
  readonly email: EmailAddress
  readonly passwordHash: string | null
  readonly externalId?: string | null
  readonly verifiedAt?: Date
}

/** JSON text of at most 4 KiB; more belongs into the application's own tables. */
const METADATA_MAX_BYTES = 4_096
const NAME_MAX_LENGTH = 64
/** An imported or handed-over hash: longer than any format that readStoredHash knows. */
const HASH_MAX_LENGTH = 1_024

/**
 * Store a new user. Of registrations that race, the unique index lets one through.
 *
 * @throws AuthError `email_already_registered`
 */
export async function createUser(deps: UserDeps & Pick<Deps, 'log'>, newUser: NewUser, by: Initiator): Promise<User> {
  const user = await deps.database.inTransaction((tx) => createUserIn(deps, tx, newUser, by))
  return user ?? refuseTaken(deps, { address: newUser.email.address, holder: null }, by)
}

/** The same within the caller's transaction. @returns `null`: the address is taken */
export async function createUserIn(
  deps: Pick<Deps, 'clock' | 'random' | 'keys'>,
  tx: Db,
  newUser: NewUser,
  by: Initiator,
): Promise<User | null> {
  const user = await insertUser(tx, { ...newUser, id: deps.random.uuid(), createdAt: new Date(deps.clock.now()) })
  if (user) await recordEvent(deps, tx, { ...by, name: 'user_created', outcome: 'success', subject: user.id })
  return user
}

type UserDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys'>

/**
 * The library's sentence is the contract's; HTTP answers the contract's exact body whatever it says.
 *
 * @throws AuthError `email_already_registered`
 */
export async function refuseTaken(
  deps: UserDeps & Pick<Deps, 'log'>,
  { address, holder }: { readonly address: string; readonly holder: User | null },
  by: Initiator,
): Promise<never> {
  const event = { name: 'user_created', outcome: 'failure', subject: holder?.id ?? null, reason: 'address_taken' } as const
  await recordFailure(deps, { ...by, ...event }, by.origin.address ?? '')
  throw new AuthError('email_already_registered', { sentence: `User ${address} already exists` })
}

/** `field_invalid` rather than null, for callers that cannot go on without an address. */
export function requireEmailAddress(text: unknown, field = 'email'): EmailAddress {
  const email = parseEmailAddress(text)
  if (!email) throw invalidField(field, `The field "${field}" is not an email address.`)
  return email
}

export async function findUserByEmail(deps: Pick<Deps, 'database'>, text: unknown): Promise<User | null> {
  const email = parseEmailAddress(text)
  return email && findUserWhere(deps.database.reads, { emailCanonical: email.canonical })
}

/**
 * CONTRACT task 2: the first user that matches all of `id`, `email`, `externalId` that are given.
 *
 * @throws AuthError `unknown_attribute` - another attribute, or none
 * @throws AuthError `user_not_found`
 */
export async function findUserBy(deps: Pick<Deps, 'database'>, attributes: Readonly<Record<string, unknown>>): Promise<User> {
  const names = Object.keys(attributes)
  const unknown = names.find((name) => !['id', 'email', 'externalId'].includes(name))
  if (names.length === 0 || unknown !== undefined)
    throw new AuthError('unknown_attribute', {
      field: unknown ?? '(none)',
      sentence: unknown === undefined ? 'No attribute was given.' : `Users cannot be found by "${unknown}".`,
    })
  const { id, email, externalId } = attributes
  // An attribute that is given but has no value matches nobody; it is never skipped (CHECKLIST R277).
  const canonical = 'email' in attributes ? (parseEmailAddress(email)?.canonical ?? null) : undefined
  if (canonical === null || names.some((name) => !isStorable(attributes[name]))) throw new AuthError('user_not_found')
  const user = await findUserWhere(deps.database.reads, {
    ...(typeof id === 'string' && { id }),
    ...(typeof externalId === 'string' && { externalId }),
    ...(canonical !== undefined && { emailCanonical: canonical }),
  })
  if (!user) throw new AuthError('user_not_found')
  return user
}

/**
 * CONTRACT task 3: change `email`, `hashedPassword`, `name` or `metadata`, all or nothing, in one transaction.
 * A new password hash ends every session, reset token and known device; a new address is unverified and ends the reset token.
 *
 * @throws AuthError `unknown_attribute` - and nothing changes
 * @throws AuthError `user_not_found`, `field_invalid`, `email_already_registered`
 */
export async function updateUser(
  deps: UserDeps & Pick<Deps, 'config'>,
  userId: unknown,
  attributes: Readonly<Record<string, unknown>>,
  by: Initiator,
): Promise<void> {
  const unknown = Object.keys(attributes).find((name) => !['email', 'hashedPassword', 'name', 'metadata'].includes(name))
  if (unknown !== undefined)
    throw new AuthError('unknown_attribute', { field: unknown, sentence: `Users have no attribute "${unknown}" that can be changed.` })
  const changes: UserChanges = {
    ...('email' in attributes && { email: requireEmailAddress(attributes.email) }),
    ...('hashedPassword' in attributes && { passwordHash: requireStoredText(attributes.hashedPassword) }),
    ...('name' in attributes && { name: parseName(attributes.name) }),
    ...('metadata' in attributes && { metadata: parseMetadata(attributes.metadata) }),
  }
  const now = new Date(deps.clock.now())
  await deps.database.inTransaction(async (tx) => {
    if (!isStorable(userId) || !(await updateUserRow(tx, userId, changes, now))) throw new AuthError('user_not_found')
    if (changes.passwordHash !== undefined) {
      countSessions(tx, 'password_change', await deleteSessionsOf(tx, userId))
      await voidDevices(tx, userId)
      await enablePassword(tx, userId)
    }
    // An address that nobody has proved speaks for nobody: hardened ends what was begun under the former one.
    if (changes.email && deps.config.posture === 'hardened') countSessions(tx, 'address_changed', await deleteSessionsOf(tx, userId))
    if (changes.passwordHash !== undefined || changes.email) {
      await deleteProofsOf(tx, userId)
      await deleteUndosOf(tx, userId)
    }
    for (const event of eventsOf(changes)) await recordEvent(deps, tx, { ...by, ...event, outcome: 'success', subject: userId })
  })
}

/** One for each kind of change; of values none is told. */
function eventsOf(changes: UserChanges): { readonly name: AuditEventName; readonly detail?: string }[] {
  const fields = (['name', 'metadata'] as const).filter((field) => changes[field] !== undefined)
  return [
    ...(changes.email ? [{ name: 'user_email_changed' } as const] : []),
    ...(changes.passwordHash === undefined ? [] : [{ name: 'authn_password_change' } as const]),
    ...(fields.length === 0 ? [] : [{ name: 'user_updated', detail: `fields=${fields.join(',')}` } as const]),
  ]
}

/** Text that both engines can hold: PostgreSQL knows no U+0000, and half a surrogate pair has no UTF-8 form. */
export function isStorable(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed()
}

/** CONTRACT task 1 stores what it is given, hash or not; a hash that is none lets nobody in. */
export function requireStoredText(hash: unknown): string {
  if (!isStorable(hash) || hash === '' || hash.length > HASH_MAX_LENGTH)
    throw invalidField(
      'hashedPassword',
      `The attribute "hashedPassword" must be text of 1 to ${HASH_MAX_LENGTH} characters, none of them NUL.`,
    )
  return hash
}

/** At most 64 characters, none of them a control or one that turns the direction of text: it will stand in mails and pages (CHECKLIST R129, R131). `null` clears it. */
export function parseName(value: unknown): string | null {
  if (value === null || value === '') return null
  if (
    typeof value !== 'string' ||
    [...value].length > NAME_MAX_LENGTH ||
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(value) ||
    !value.isWellFormed()
  ) {
    throw invalidField('name', `The field "name" must be text of at most ${NAME_MAX_LENGTH} characters without line breaks.`)
  }
  return value
}

/** An object, kept as JSON text. `null` clears it. */
export function parseMetadata(value: unknown): string | null {
  if (value === null) return null
  const text = typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : undefined
  // An object can stringify itself as something else.
  if (!text?.startsWith('{')) throw invalidField('metadata', 'The field "metadata" must be a JSON object.')
  if (Buffer.byteLength(text) > METADATA_MAX_BYTES)
    throw invalidField('metadata', `The field "metadata" is larger than ${METADATA_MAX_BYTES} bytes.`)
  return text
}

/**
 * Within the caller's transaction: reset token, login code, a login that waits for its second factor and a waiting change of address are void. They hang on the password and the address, so they end with
 * either (CHECKLIST R068, R117).
 */
export async function voidProofsIn(tx: Db, userId: string): Promise<void> {
  await deleteProofsOf(tx, userId)
}

/** Within the caller's transaction: former addresses of this user cannot take the account back any more. */
export async function voidUndosIn(tx: Db, userId: string): Promise<void> {
  await deleteUndosOf(tx, userId)
}

/** The user of an address, within a transaction. */
export function findUserIn(tx: Db, canonical: string): Promise<User | null> {
  return findUserWhere(tx, { emailCanonical: canonical })
}

export function findUserById(tx: Db, id: string): Promise<User | null> {
  return findUserWhere(tx, { id })
}

/** Within the caller's transaction: the address that a token was mailed to is proved. `null`: the user has another address now, is disabled or gone. */
export function markVerified(tx: Db, userId: string, canonical: string, now: Date): Promise<User | null> {
  return setVerified(tx, userId, canonical, now)
}

/**
 * Within the caller's transaction: a confirmed address takes the place of `from` (`null`: of whatever it is), and what was mailed to the former one is void.
 *
 * @returns the former address; `null` where the user had another one meanwhile or the new one is taken (CHECKLIST R123)
 */
export async function setVerifiedAddress(
  tx: Db,
  change: { readonly userId: string; readonly from: string | null; readonly to: EmailAddress; readonly now: Date },
): Promise<EmailAddress | null> {
  const former = await setConfirmedAddress(tx, change)
  if (former) await deleteProofsOf(tx, change.userId)
  return former
}

/** Within the caller's transaction: the user is still there, not disabled, and has still the address that they were found by. */
export function isEnabled(tx: Db, user: Pick<User, 'id' | 'email'>): Promise<boolean> {
  return userIsEnabled(tx, user.id, parseEmailAddress(user.email)?.canonical ?? '')
}
