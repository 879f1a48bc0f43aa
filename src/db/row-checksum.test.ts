import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addRows, checksumText, NO_ROWS, type Row, type Value } from './row-checksum.ts'

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'n,', 'i1,', 't1:a,', 'b,', '1', '00'),
  fc.uint8Array({ maxLength: 40 }),
)
const rows = fc.array(fc.array(value, { minLength: 2, maxLength: 2 }), { maxLength: 12 })
const textOf = (some: readonly Row[]) => checksumText(addRows(NO_ROWS, some))

/** The row with its types told apart, for comparing. */
const plain = (row: Row) =>
  JSON.stringify(row.map((one) => (one instanceof Uint8Array ? ['bytes', ...one] : typeof one === 'bigint' ? ['int', String(one)] : one)))

test('a checksum does not depend on the order of rows or on how they come in batches', () => {
  fc.assert(
    fc.property(rows, fc.nat(), (some, cut) => {
      const at = cut % (some.length + 1)
      const inTwo = addRows(addRows(NO_ROWS, some.slice(at).toReversed()), some.slice(0, at))
      assert.equal(checksumText(inTwo), textOf(some))
      assert.equal(inTwo.rows, some.length)
    }),
  )
})

test('two different rows have different checksums, however alike their texts are', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 2 }), fc.array(value, { minLength: 2, maxLength: 2 }), (a, b) => {
      assert.equal(textOf([a]) === textOf([b]), plain(a) === plain(b))
    }),
    { numRuns: 1_000 },
  )
  assert.notEqual(textOf([['1', null]]), textOf([[1n, null]]))
  assert.notEqual(textOf([['', null]]), textOf([[null, '']]))
  assert.notEqual(textOf([['a,t1:b', 'c']]), textOf([['a', 'b,t1:c']]))
  assert.notEqual(textOf([[new Uint8Array(0), null]]), textOf([['', null]]))
})

test('a row twice is not a row once', () => {
  assert.notEqual(textOf([['a'], ['a']]), textOf([['a']]))
  assert.notEqual(textOf([['a'], ['a']]), textOf([]))
})
