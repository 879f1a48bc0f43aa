import { AuthError, invalidField } from '../errors.ts'
import { jsonKeys } from '../json-keys.ts'
import { jsonText } from '../json-text.ts'
import { parseMetadata, parseName, requireEmailAddress } from '../users/user.ts'
import type { Fault, SourceUser } from './import.ts'

/** What a line may say. `docs/moving-in.md` describes each for people. */
const FIELDS = ['external_id', 'email', 'email_verified', 'password_hash', 'name', 'metadata', 'disabled', 'created_at']

/** A UUID, a number, an address of a record: longer ones are something else. */
const EXTERNAL_ID_MAX_LENGTH = 255
/** 1973 in milliseconds, the year 5138 in seconds: below it somebody wrote seconds. */
const LEAST_MILLISECONDS = 100_000_000_000
/** A clock elsewhere may be ahead of ours. */
const FUTURE_MILLISECONDS = 24 * 60 * 60 * 1_000

/** One user as a line of a users file has them. `null`: not said. */
export interface UserLine {
  readonly external_id: string | null
  readonly email: string
  readonly email_verified: boolean
  readonly password_hash: string | null
  readonly name: string | null
  readonly metadata: Record<string, unknown> | null
  readonly disabled: boolean
  readonly created_at: string
}

/** The line without its end. What is `null`, and `disabled` for those who are not, is left out. */
export function writeUserLine(line: UserLine): string {
  return jsonText(Object.fromEntries(Object.entries(line).filter(([name, value]) => value !== null && (name !== 'disabled' || value))))
}

/** Read one line. What cannot be used is a fault, never thrown; of the address as much is kept as there is. */
export function readUserLine(
  text: string,
  now: number,
): { readonly email: string } & ({ readonly user: SourceUser } | { readonly fault: Fault }) {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { email: '', fault: { field: null, reason: 'the line is not JSON' } }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { email: '', fault: { field: null, reason: 'the line is not a JSON object' } }
  const fields: Readonly<Record<string, unknown>> = { ...value }
  const email = typeof fields.email === 'string' ? fields.email.slice(0, 512) : ''
  try {
    refuseRepeated(text)
    return { email, user: readUser(fields, now) }
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    return { email, fault: { field: error.details.field ?? null, reason: error.message } }
  }
}

/** A key given twice, which `JSON.parse` lets pass: whoever checked the file may have read the other one. */
function refuseRepeated(text: string): void {
  let field = ''
  for (const { depth, key, repeated } of jsonKeys(text)) {
    if (depth === 1 && key !== null) field = key.slice(0, 40)
    if (repeated) throw invalidField(field, `The field "${field}" ${depth === 1 ? 'is there' : 'has a key'} more than once.`)
  }
}

function readUser(fields: Readonly<Record<string, unknown>>, now: number): SourceUser {
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined)
    throw invalidField(unknown.slice(0, 40), `There is no field "${unknown.slice(0, 40)}"; there are: ${FIELDS.join(', ')}.`)
  if ((fields.email ?? '') === '') throw invalidField('email', 'The field "email" is missing or empty.')
  return {
    email: requireEmailAddress(fields.email),
    externalId: readExternalId(fields.external_id ?? null),
    emailVerified: readBoolean('email_verified', fields.email_verified ?? false),
    passwordHash: readHash(fields.password_hash ?? null),
    name: parseName(fields.name ?? null),
    metadata: parseMetadata(fields.metadata ?? null),
    disabled: readBoolean('disabled', fields.disabled ?? false),
    createdAt: readInstant(fields.created_at ?? null, now),
  }
}

/** Numbers are what most databases count users by; they are kept as text. */
function readExternalId(value: unknown): string | null {
  if (value === null) return null
  const text = Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || text === '' || text.length > EXTERNAL_ID_MAX_LENGTH || /[\p{Cc}\p{Cs}]/u.test(text)) {
    throw invalidField(
      'external_id',
      `The field "external_id" must be text of 1 to ${EXTERNAL_ID_MAX_LENGTH} characters without line breaks, or a whole number.`,
    )
  }
  return text
}

function readBoolean(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidField(field, `The field "${field}" must be true or false.`)
  return value
}

function readHash(value: unknown): string | null {
  if (value !== null && typeof value !== 'string') throw invalidField('password_hash', 'The field "password_hash" must be text.')
  return value
}

/** RFC 3339 with what databases make of it: a space for the T, no seconds, a date alone, a zone of hours only. Without a zone it is UTC. */
const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(\.\d{1,9})?)?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?$/i

function readInstant(value: unknown, now: number): Date | null {
  if (value === null) return null
  const milliseconds = typeof value === 'number' ? value : typeof value === 'string' ? parseInstant(value) : null
  if (milliseconds === null || !Number.isSafeInteger(milliseconds))
    throw invalidField('created_at', 'The field "created_at" must be an ISO 8601 date and time, or whole unix milliseconds.')
  if (typeof value === 'number' && milliseconds < LEAST_MILLISECONDS)
    throw invalidField('created_at', 'The field "created_at" is too small for unix milliseconds; are they seconds?')
  if (milliseconds > now + FUTURE_MILLISECONDS) throw invalidField('created_at', 'The field "created_at" lies in the future.')
  return new Date(milliseconds)
}

function parseInstant(text: string): number | null {
  const match = INSTANT.exec(text)
  if (!match) return null
  const [, date = '', time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = match
  const offset = /^z$/i.test(zone) ? 'Z' : `${zone.slice(0, 3)}:${zone.replace(':', '').slice(3) || '00'}`
  // Date.parse takes 30 February for 1 March.
  const isDay = new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date)
  const milliseconds = Date.parse(`${date}T${time}:${seconds}${fraction.slice(0, 4)}${offset}`)
  return isDay && !Number.isNaN(milliseconds) ? milliseconds : null
}
