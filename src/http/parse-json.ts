import { AuthError } from '../errors.ts'

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

/** Walk over text that is known to be valid JSON, with the set of keys of each open object. */
function checkKeys(text: string): void {
  const open: (Set<string> | null)[] = []
  let keys = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : null)
      if (open.length > MAX_DEPTH) throw malformed(`The JSON is nested deeper than ${MAX_DEPTH} levels.`)
    } else if (character === '}' || character === ']') {
      open.pop()
    } else if (character === '"') {
      const end = endOfString(text, at)
      const object = open.at(-1)
      if (object && isKey(text, end)) {
        const key: string = JSON.parse(text.slice(at, end))
        keys++
        if (keys > MAX_KEYS) throw malformed(`The JSON has more than ${MAX_KEYS} keys.`)
        if (FORBIDDEN_KEYS.has(key)) throw new AuthError('field_unknown', { field: key })
        if (object.has(key)) throw new AuthError('field_repeated', { field: key })
        object.add(key)
      }
      at = end - 1
    }
  }
}

/** The index behind the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function isKey(text: string, afterString: number): boolean {
  let at = afterString
  while (' \t\r\n'.includes(text[at] ?? 'x')) at++
  return text[at] === ':'
}

function malformed(sentence: string): AuthError {
  return new AuthError('body_malformed', { sentence })
}
