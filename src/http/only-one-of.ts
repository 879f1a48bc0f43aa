import { AuthError } from '../errors.ts'

/**
 * Which of these fields is there, where they stand for each other: exactly one, so that nobody can try two at once.
 *
 * @throws AuthError `field_required` - none; `field_invalid` - several
 */
export function onlyOneOf<K extends string>(fields: Readonly<Partial<Record<K, unknown>>>, names: readonly [K, ...K[]]): K {
  const [only, another] = names.filter((name) => fields[name] !== undefined)
  if (only !== undefined && another === undefined) return only
  throw new AuthError(only === undefined ? 'field_required' : 'field_invalid', {
    field: names[0],
    sentence: `Send one of ${names.map((name) => `"${name}"`).join(', ')}.`,
  })
}
