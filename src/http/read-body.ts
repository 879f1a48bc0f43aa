import { AuthError } from '../errors.ts'
import type { Ask } from './ask.ts'
import { parseJsonObject } from './parse-json.ts'

/** CHECKLIST R256: bodies of this service are a few short fields. Counted on the bytes that arrive, whatever the headers say. */
export const MAX_BODY_BYTES = 16 * 1024
/** What an authenticator says may be longer, with keys of several kilobytes. */
export const MAX_PASSKEY_BYTES = 64 * 1024
/** As many as parse-json.ts takes. */
const MAX_FIELDS = 64

/**
 * The fields of a request's body: a form, multipart with plain fields, or a JSON object. Flat; a field given twice is refused
 * (CHECKLIST R259); the query string is never looked at. A request without a body has no fields and needs no content type.
 *
 * @throws AuthError `body_too_large`, `body_malformed`, `field_repeated`, `media_type_unsupported`
 */
export async function readBody(ask: Ask, maxBytes = MAX_BODY_BYTES): Promise<Map<string, unknown>> {
  const encoding = ask.header('content-encoding')
  if (encoding !== null && encoding !== 'identity')
    throw new AuthError('media_type_unsupported', { sentence: 'Send the body without Content-Encoding.' })
  const type = parseContentType(ask.header('content-type'))
  const bytes = await ask.readBytes(maxBytes)
  if (bytes.length === 0) return new Map()
  if (type === null) throw new AuthError('media_type_unsupported')
  const text = decode(bytes)
  if (type.name === 'application/json') return parseJsonObject(text)
  if (type.name === 'application/x-www-form-urlencoded') return parseForm(text)
  return parseMultipart(bytes, type.header)
}

type MediaType = { readonly name: string; readonly header: string }
const MEDIA_TYPES = new Set(['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'])

/** CHECKLIST R088. Two content types arrive joined by a comma, which none that we take has. */
function parseContentType(header: string | null): MediaType | null {
  if (header === null) return null
  if (header.includes(',')) throw new AuthError('media_type_unsupported')
  const [name = '', ...parameters] = header.split(';').map((part) => part.trim())
  const charset = parameters.find((parameter) => /^charset\s*=/i.test(parameter))
  if (charset !== undefined && !/^charset\s*=\s*"?utf-?8"?$/i.test(charset)) throw new AuthError('media_type_unsupported')
  if (!MEDIA_TYPES.has(name.toLowerCase())) throw new AuthError('media_type_unsupported')
  return { name: name.toLowerCase(), header }
}

/** Invalid UTF-8 is refused, never replaced: a replaced byte would be another password (CHECKLIST R006). */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new AuthError('body_malformed', { sentence: 'The body is not valid UTF-8.' })
  }
}

function parseForm(text: string): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    addField(fields, formDecode(name, 'a field name'), formDecode(value, `the field "${name.slice(0, 40)}"`))
  }
  return fields
}

function formDecode(text: string, where: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new AuthError('body_malformed', {
      sentence: `In ${where}, "%" must be followed by two hexadecimal digits, and the bytes must be UTF-8.`,
    })
  }
}

async function parseMultipart(bytes: Uint8Array, contentType: string): Promise<Map<string, unknown>> {
  let form: FormData
  try {
    // The cast is for Uint8Array, which every fetch takes as a body.
    form = await new Response(bytes as BodyInit, { headers: { 'content-type': contentType } }).formData()
  } catch {
    throw new AuthError('body_malformed', { sentence: 'The multipart body cannot be parsed.' })
  }
  const fields = new Map<string, unknown>()
  for (const [name, value] of form) {
    if (typeof value !== 'string')
      throw new AuthError('media_type_unsupported', { sentence: `The field "${name}" is a file; only plain fields are taken.` })
    addField(fields, name, value)
  }
  return fields
}

function addField(fields: Map<string, unknown>, name: string, value: string): void {
  if (fields.has(name)) throw new AuthError('field_repeated', { field: name })
  if (fields.size >= MAX_FIELDS) throw new AuthError('body_malformed', { sentence: `The body has more than ${MAX_FIELDS} fields.` })
  fields.set(name, value)
}
