import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { deriveKey, KEY_LABELS, secretFingerprint } from './derived-key.ts'

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

test('each purpose has a label and a key of its own (CHECKLIST R235)', () => {
  const keys = KEY_LABELS.map((label) => Buffer.from(deriveKey(SECRET, label)).toString('hex'))
  assert.equal(new Set(KEY_LABELS).size, KEY_LABELS.length)
  assert.equal(new Set(keys).size, KEY_LABELS.length)
})

test('docs/keys.md lists every label, and no other (CHECKLIST R240)', () => {
  const page = readFileSync(new URL('../../docs/keys.md', import.meta.url), 'utf8')
  const [, table = ''] = /## Every derived key\n([\s\S]*?)\n## /.exec(page) ?? []
  const listed = [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, label]) => label)
  assert.deepEqual(listed.sort(), [...KEY_LABELS].sort())
})
