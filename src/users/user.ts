import type { Db } from '../db/database.ts'
import { countSessions } from '../db/session-counts.ts'
import type { Deps } from '../deps.ts'
import { AuthError, invalidField } from '../errors.ts'
import { type EmailAddress, parseEmailAddress } from './email-address.ts'
import {
  deleteResetTokensOf,
  deleteSessionsOf,
  findUserWhere,
  insertUser,
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
export async function createUser(deps: Pick<Deps, 'database' | 'clock' | 'random'>, newUser: NewUser): Promise<User> {
  const now = new Date(deps.clock.now())
  const user = await deps.database.inTransaction((tx) => insertUser(tx, { ...newUser, id: deps.random.uuid(), createdAt: now }))
  if (!user) throw alreadyRegistered(newUser.email.address)
  return user
}

/** The library's sentence is the contract's; HTTP answers the contract's exact body whatever it says. */
export function alreadyRegistered(address: string): AuthError {
  return new AuthError('email_already_registered', { sentence: `User ${address} already exists` })
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
 * A new password hash ends every session and reset token; a new address is unverified and ends the reset token.
 *
 * @throws AuthError `unknown_attribute` - and nothing changes
 * @throws AuthError `user_not_found`, `field_invalid`, `email_already_registered`
 */
export async function updateUser(
  deps: Pick<Deps, 'database' | 'clock'>,
  userId: unknown,
  attributes: Readonly<Record<string, unknown>>,
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
    if (changes.passwordHash !== undefined) countSessions(tx, 'password_change', await deleteSessionsOf(tx, userId))
    if (changes.passwordHash !== undefined || changes.email) await deleteResetTokensOf(tx, userId)
  })
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

/** Within the caller's transaction: the user's reset token is void. It hangs on the password and the address, so it ends with either. */
export async function voidResetTokens(tx: Db, userId: string): Promise<void> {
  await deleteResetTokensOf(tx, userId)
}

/** Within the caller's transaction: the user is still there, not disabled, and has still the address that they were found by. */
export function isEnabled(tx: Db, user: Pick<User, 'id' | 'email'>): Promise<boolean> {
  return userIsEnabled(tx, user.id, parseEmailAddress(user.email)?.canonical ?? '')
}
