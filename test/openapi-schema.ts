import assert from 'node:assert/strict'

/** The part of JSON Schema that our OpenAPI document uses. A word that is not here is an error: nothing is silently not checked. */
export interface Schema {
  readonly [word: string]: unknown
}

/** Words that describe, and do not restrict. `email` and `password` as formats are hints for forms. */
const ANNOTATIONS = new Set(['description', 'examples', 'title', 'default'])

/** Does the value fit the schema? @returns what does not, each with its place; empty if all does */
export function misfits(schema: Schema, value: unknown, document: object, place = 'body'): string[] {
  const problems: string[] = []
  const check = (fits: boolean, what: string) => void (fits || problems.push(`${place} ${what}: ${JSON.stringify(value)}`))
  for (const [word, rule] of Object.entries(schema)) {
    if (ANNOTATIONS.has(word)) continue
    if (word === '$ref') problems.push(...misfits(resolve(document, String(rule)), value, document, place))
    else if (word === 'type')
      check([rule].flat().includes(typeOf(value)) || (rule === 'number' && typeOf(value) === 'integer'), `is not ${rule}`)
    else if (word === 'const') check(value === rule, `is not ${JSON.stringify(rule)}`)
    else if (word === 'enum') check((rule as unknown[]).includes(value), 'is not in the list')
    else if (word === 'required') for (const name of rule as string[]) check(isObject(value) && Object.hasOwn(value, name), `lacks ${name}`)
    else if (word === 'minimum') check(typeof value !== 'number' || value >= Number(rule), `is less than ${rule}`)
    else if (word === 'maximum') check(typeof value !== 'number' || value <= Number(rule), `is more than ${rule}`)
    else if (word === 'format') check(rule !== 'date-time' || isInstant(value), 'is no instant')
    else if (word === 'anyOf' || word === 'oneOf') {
      const fitting = (rule as Schema[]).filter((option) => misfits(option, value, document, place).length === 0).length
      check(word === 'anyOf' ? fitting > 0 : fitting === 1, `fits ${fitting} of the forms`)
    } else if (word === 'items') {
      for (const [at, item] of (Array.isArray(value) ? value : []).entries())
        problems.push(...misfits(rule as Schema, item, document, `${place}[${at}]`))
    } else if (word === 'properties') {
      for (const [name, inner] of Object.entries(rule as Record<string, Schema>))
        if (isObject(value) && Object.hasOwn(value, name)) problems.push(...misfits(inner, value[name], document, `${place}.${name}`))
    } else if (word === 'additionalProperties') {
      const known = Object.keys((schema.properties as object | undefined) ?? {})
      for (const [name, inner] of Object.entries(isObject(value) ? value : {}).filter(([key]) => !known.includes(key))) {
        if (rule === false) problems.push(`${place} has the unknown key ${name}`)
        else if (rule !== true) problems.push(...misfits(rule as Schema, inner, document, `${place}.${name}`))
      }
    } else if (word === 'propertyNames') {
      for (const name of Object.keys(isObject(value) ? value : {}))
        problems.push(...misfits(rule as Schema, name, document, `${place} key`))
    } else throw new Error(`the schema word "${word}" is not known here`)
  }
  return problems
}

function resolve(document: object, reference: string): Schema {
  let found: unknown = document
  for (const part of reference.replace(/^#\//, '').split('/')) found = isObject(found) ? found[part] : undefined
  assert.ok(isObject(found), `${reference} names nothing`)
  return found
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isInstant(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) && !Number.isNaN(Date.parse(value))
}
