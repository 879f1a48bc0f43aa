import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { deriveKey, secretFingerprint } from './derived-key.ts'

const SECRET = new TextEncoder().encode('v1 root secret of thirty-two bytes!')

function hmac(key: Uint8Array, ...parts: (Uint8Array | string)[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

test('a derived key is HKDF-SHA-256 with the purpose as its info (RFC 5869 section 2)', () => {
  const pseudorandomKey = hmac(new Uint8Array(32), SECRET)
  const expected = hmac(pseudorandomKey, 'bienvenue/fingerprint/v1', Uint8Array.of(1))
  assert.deepEqual(Buffer.from(deriveKey(SECRET, 'fingerprint')), expected)
})

test('a fingerprint recognises its secret, tells secrets apart and holds none of them', () => {
  const other = Uint8Array.from(SECRET, (byte, at) => (at === 0 ? byte ^ 1 : byte))
  assert.equal(secretFingerprint(SECRET), secretFingerprint(Uint8Array.from(SECRET)))
  assert.notEqual(secretFingerprint(SECRET), secretFingerprint(other))
  assert.match(secretFingerprint(SECRET), /^[A-Za-z0-9_-]{22}$/)
})
