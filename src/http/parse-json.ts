import { AuthError } from '../errors.ts'
import { jsonKeys } from '../json-keys.ts'

/** CHECKLIST R258: a body of ours is a small flat object; deeper or wider is somebody's attack. */
const MAX_DEPTH = 8
const MAX_KEYS = 64
/** Names by which a key could reach a prototype. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Parse a JSON object, refusing what `JSON.parse` lets pass: a key given twice (two readers could take different ones),
 * keys that reach prototypes, and depth.
 *
 * @throws AuthError `body_malformed`, `field_repeated`, `field_unknown`
 */
export function parseJsonObject(text: string): Map<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('The body is not valid JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('The body must be a JSON object.')
  checkKeys(text)
  return new Map(Object.entries(value))
}

function checkKeys(text: string): void {
  let keys = 0
  for (const { depth, key, repeated } of jsonKeys(text)) {
    if (depth > MAX_DEPTH) throw malformed(`The JSON is nested deeper than ${MAX_DEPTH} levels.`)
    if (key === null) continue
    keys++
    if (keys > MAX_KEYS) throw malformed(`The JSON has more than ${MAX_KEYS} keys.`)
    if (FORBIDDEN_KEYS.has(key)) throw new AuthError('field_unknown', { field: key })
    if (repeated) throw new AuthError('field_repeated', { field: key })
  }
}

function malformed(sentence: string): AuthError {
  return new AuthError('body_malformed', { sentence })
}
