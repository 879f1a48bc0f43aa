import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { AuthError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Answer } from './answer.ts'
import type { Ask } from './ask.ts'
import type { Exchange } from './exchange.ts'
import { readBody } from './read-body.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a handler sees. */
export interface RouteContext {
  readonly ask: Ask
  readonly exchange: Exchange
  /** What stands in the path where the pattern has `:name`. */
  readonly params: Readonly<Record<string, string>>
}

/**
 * One route, as data: it is mounted from this, documented from this (OpenAPI), and 405 is answered from this.
 * `access` is part of the declaration, so that a route says for itself who may call it (CHECKLIST R243).
 */
export interface Route {
  readonly method: Method
  /** `/sessions/:id`: a part that begins with a colon stands for any text without a slash. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly access: 'anyone' | 'session'
  /** A page or a form of one: for people, and not part of the documented interface. */
  readonly isPage?: true
  /** A route where secrets can be tried: hardened must know who tries (the library without `clientAddress` is refused). */
  readonly checksSecret?: true
  /** A route that hardened allows so often from one address: it must know which, too. */
  readonly limitsOrigin?: true
  /** A route that hands a secret to whoever asks: only classic has one, and must know that the one who asks is on this machine. */
  readonly handsOutSecret?: true
  /** The input's schema; it validates and documents. */
  readonly input?: z.ZodObject
  /** Where fields stand for each other: one of these lists must be there. For the documentation; the handler asks for itself. */
  readonly oneOf?: readonly (readonly string[])[]
  readonly answers: Readonly<Record<number, { readonly description: string; readonly body?: z.ZodType; readonly contentType?: string }>>
  /** The refusals that this route adds to those every route has. */
  readonly refusals?: readonly ErrorCode[]
  readonly handle: (c: RouteContext) => Promise<Answer> | Answer
}

interface InputRules {
  /** Contract routes ignore fields they do not know and never store them; all others refuse them (CHECKLIST R246). */
  readonly unknownFields: 'ignore' | 'refuse'
  /** The contract's own refusal for a missing field, where it is not `field_required`. */
  readonly missing?: ErrorCode
  /** Where bodies may be longer than 16 KiB. */
  readonly maxBytes?: number
}

/**
 * Read and validate a request's fields. Every problem is a 4xx that names the field.
 *
 * @throws AuthError `field_required`, `field_invalid`, `field_unknown` and those of {@link readBody}
 */
export async function readInput<T extends z.ZodObject>(c: RouteContext, schema: T, rules: InputRules): Promise<z.infer<T>> {
  const fields = await readBody(c.ask, rules.maxBytes)
  if (rules.unknownFields === 'refuse') {
    for (const name of fields.keys()) if (!Object.hasOwn(schema.shape, name)) throw new AuthError('field_unknown', { field: name })
  }
  const known = Object.keys(schema.shape).filter((name) => fields.has(name))
  for (const name of known) requireWellFormed(name, fields.get(name))
  const result = schema.safeParse(Object.fromEntries(known.map((name) => [name, fields.get(name)])))
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = String(issue?.path[0] ?? '')
  if (field !== '' && !fields.has(field))
    throw new AuthError(
      rules.missing ?? 'field_required',
      rules.missing ? { logged: `missing ${field}`, sentence: `The field "${field}" is missing.` } : { field },
    )
  throw new AuthError('field_invalid', {
    field,
    sentence: `The field "${field}" cannot be used: ${issue?.message ?? 'it has the wrong form'}.`,
  })
}

/** JSON can spell half of a surrogate pair; it is no character and has no UTF-8 form (CHECKLIST R006). */
function requireWellFormed(field: string, value: unknown): void {
  if (typeof value === 'string' && !value.isWellFormed())
    throw new AuthError('field_invalid', { field, sentence: `The field "${field}" is not well-formed Unicode.` })
}

/**
 * What the query says, for routes that are read page by page. It is never form data.
 *
 * @throws AuthError `field_unknown`, `field_repeated`
 */
export function queryOf<K extends string>(c: RouteContext, names: readonly K[]): Partial<Record<K, string>> {
  const fields: Partial<Record<K, string>> = {}
  const start = c.ask.target.indexOf('?')
  for (const [name, value] of new URLSearchParams(start === -1 ? '' : c.ask.target.slice(start + 1))) {
    const known = names.find((one) => one === name)
    if (known === undefined) throw new AuthError('field_unknown', { field: name })
    if (fields[known] !== undefined) throw new AuthError('field_repeated', { field: name })
    fields[known] = value
  }
  return fields
}

/** Where a request came from: for sessions, throttles and the audit log. */
export function originOf(c: Pick<RouteContext, 'ask' | 'exchange'>): Origin {
  return {
    address: c.exchange.clientAddress,
    // 256 characters say which browser; more is somebody's payload (CHECKLIST R227). No header of Node's has a NUL, an application's may.
    userAgent: c.ask.header('user-agent')?.slice(0, 256).replaceAll('\0', '') ?? null,
    requestId: c.exchange.requestId,
  }
}

/** A browser names text/html; API clients say JSON or anything. */
export function prefersHtml({ ask }: Pick<RouteContext, 'ask'>): boolean {
  return (ask.header('accept') ?? '').toLowerCase().startsWith('text/html')
}
