import type { Random } from './random.ts'

/** Crockford's base 32: no letter that looks like a digit, and none that makes words. Each is five bits. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const GROUP = 4

/** A random code of so many letters, in groups of four: `X7K2-M9QD`. */
export function makeCrockfordCode(random: Random, length: number): string {
  const letters = [...random.bytes(length)].map((byte) => ALPHABET[byte & 31]).join('')
  return letters.match(new RegExp(`.{1,${GROUP}}`, 'g'))?.join('-') ?? ''
}

/** As people type it: in any case, with or without dashes and blanks, with O for 0 and I or L for 1. `null`: it cannot be a code of this length. */
export function normaliseCrockford(text: unknown, length: number): string | null {
  if (typeof text !== 'string' || text.length > 4 * length) return null
  const code = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return code.length === length && [...code].every((letter) => ALPHABET.includes(letter)) ? code : null
}
