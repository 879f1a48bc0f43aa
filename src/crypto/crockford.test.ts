import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeCrockfordCode, normaliseCrockford } from './crockford.ts'
import { systemRandom } from './random.ts'

const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const letters = (length: number) =>
  fc.array(fc.constantFrom(...LETTERS), { minLength: length, maxLength: length }).map((code) => code.join(''))

test('a code has the letters that were asked for, in groups of four, and reads back as itself', () => {
  for (const length of [8, 16]) {
    const code = makeCrockfordCode(systemRandom, length)
    assert.match(code, new RegExp(`^[${LETTERS}-]{${length + length / 4 - 1}}$`))
    assert.equal(normaliseCrockford(code, length), code.replaceAll('-', ''))
  }
})

test('each letter comes as often as any other', () => {
  const counts = new Map<string, number>()
  for (let at = 0; at < 2_000; at++)
    for (const letter of makeCrockfordCode(systemRandom, 16).replaceAll('-', '')) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  assert.deepEqual([...counts.keys()].sort().join(''), LETTERS)
  // 1000 each are expected; this far off is one run in many millions.
  for (const [letter, count] of counts) assert.ok(count > 800 && count < 1_200, `${letter} ${count}`)
})

test('however a person types a code, it is the same code', () => {
  const spelling = letters(16).chain((code) =>
    fc.tuple(
      fc.constant(code),
      fc.tuple(...[...code].map((letter) => spellingsOf(letter))).map((typed) => typed.join('')),
    ),
  )
  fc.assert(fc.property(spelling, ([code, typed]) => assert.equal(normaliseCrockford(typed, 16), code)))
})

/** In either case, with what looks alike, and with a blank or dash behind it now and then. */
function spellingsOf(letter: string) {
  const alike = letter === '0' ? ['0', 'o', 'O'] : letter === '1' ? ['1', 'i', 'I', 'l', 'L'] : [letter, letter.toLowerCase()]
  return fc.tuple(fc.constantFrom(...alike), fc.constantFrom('', '', '', '-', ' ')).map((parts) => parts.join(''))
}

test('whatever is sent, reading it throws nothing and gives a code of the right length or none', () => {
  const given = fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), letters(16), letters(15), letters(17))
  fc.assert(
    fc.property(given, (typed) => {
      const code = normaliseCrockford(typed, 16)
      assert.ok(code === null || (typeof typed === 'string' && code.length === 16 && [...code].every((letter) => LETTERS.includes(letter))))
    }),
  )
  for (const typed of ['', '0'.repeat(15), '0'.repeat(17), 'U'.repeat(16), '０'.repeat(16), '0'.repeat(1_000_000)])
    assert.equal(normaliseCrockford(typed, 16), null, typed.slice(0, 20))
})
