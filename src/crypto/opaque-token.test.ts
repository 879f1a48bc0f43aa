import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashOpaqueToken, makeOpaqueToken } from './opaque-token.ts'
import { systemRandom } from './random.ts'

test('a token is 32 random bytes as 43 characters of base64url', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => 255 - at)
  const { token } = makeOpaqueToken({ ...systemRandom, bytes: (count) => bytes.slice(0, count) })
  assert.equal(token, '__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA')
})

test('a thousand tokens are all different, and every bit of them varies', () => {
  const tokens = Array.from({ length: 1_000 }, () => makeOpaqueToken(systemRandom).token)
  assert.equal(new Set(tokens).size, 1_000)
  const [all, any] = [new Uint8Array(32).fill(255), new Uint8Array(32)]
  for (const token of tokens) {
    Buffer.from(token, 'base64url').forEach((byte, at) => {
      all[at] = (all[at] ?? 0) & byte
      any[at] = (any[at] ?? 0) | byte
    })
  }
  assert.deepEqual([all, any], [new Uint8Array(32), new Uint8Array(32).fill(255)])
})

test('the stored form is the SHA-256 of the token', () => {
  // printf %s AAAA… (43 letters) | sha256sum
  const digest = hashOpaqueToken('A'.repeat(43))
  assert.equal(digest, '0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a')
})

test('what cannot be a token of ours has no stored form', () => {
  for (const value of [
    null,
    undefined,
    '',
    0,
    {},
    [],
    ['A'.repeat(43)],
    'A'.repeat(42),
    'A'.repeat(44),
    `${'A'.repeat(42)}=`,
    `${'A'.repeat(42)}+`,
    `${'A'.repeat(42)}/`,
    ` ${'A'.repeat(42)}`,
    `${'A'.repeat(43)}\n`,
    `${'A'.repeat(42)}é`,
  ]) {
    assert.equal(hashOpaqueToken(value), null)
  }
})

test('no value makes it throw (property)', () => {
  fc.assert(fc.property(fc.anything(), (value) => void hashOpaqueToken(value)))
})
