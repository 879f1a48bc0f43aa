import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameBytes } from './same-bytes.ts'

test('bytes are compared whole, and unequal lengths are no error', () => {
  const tag = Uint8Array.of(1, 2, 3)
  assert.equal(sameBytes(tag, Uint8Array.of(1, 2, 3)), true)
  for (const other of [[1, 2, 4], [0, 2, 3], [1, 2], [1, 2, 3, 0], []]) assert.equal(sameBytes(tag, Uint8Array.from(other)), false)
})
