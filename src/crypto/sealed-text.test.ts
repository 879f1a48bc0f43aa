import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Keyring, keyedDigest, makeKeyring } from './keyring.ts'
import { systemRandom } from './random.ts'
import { openSealedText, sealedVersion, sealText } from './sealed-text.ts'

const secret = (version: string) => ({ version, bytes: new TextEncoder().encode(`${version} of a secret that nobody knows, at all`) })
const keysOf = (...versions: string[]): Keyring => makeKeyring(versions.map(secret))
const place = { label: 'outbox', rowId: 'row-1' } as const

test('a sealed text can be opened, in its own place only, and each seal is another (property)', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const keys = keysOf('v1')
      const sealed = sealText(keys, systemRandom, place, text)
      assert.notEqual(sealText(keys, systemRandom, place, text), sealed)
      assert.equal(openSealedText(keys, place, sealed), text)
      assert.equal(openSealedText(keys, { ...place, rowId: 'row-2' }, sealed), null)
      assert.equal(openSealedText(keys, { ...place, label: 'audit' }, sealed), null)
      assert.equal(openSealedText(makeKeyring([{ ...secret('v1'), bytes: secret('v2').bytes }]), place, sealed), null)
    }),
  )
})

test('a sealed text with any character changed cannot be opened', () => {
  const keys = keysOf('v1')
  const sealed = sealText(keys, systemRandom, place, 'a link with a token')
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === 'A' ? 'B' : 'A'
    const altered = sealed.slice(0, at) + other + sealed.slice(at + 1)
    // The last character may hold bits that base64url ignores.
    const same = Buffer.from(altered.slice(3), 'base64url').equals(Buffer.from(sealed.slice(3), 'base64url'))
    assert.equal(openSealedText(keys, place, altered), at > 2 && same ? 'a link with a token' : null, String(at))
  }
  for (const nonsense of ['', 'v1', 'v1:', 'v1:AAAA', 'AAAA', `v1:${'A'.repeat(80)}`])
    assert.equal(openSealedText(keys, place, nonsense), null)
})

test('a new version of the secret seals, an old one still opens, a missing one does not', () => {
  const old = sealText(keysOf('v1'), systemRandom, place, 'old')
  const sealed = sealText(keysOf('v2', 'v1'), systemRandom, place, 'new')
  assert.deepEqual([old, sealed].map(sealedVersion), ['v1', 'v2'])
  assert.equal(openSealedText(keysOf('v2', 'v1'), place, old), 'old')
  assert.equal(openSealedText(keysOf('v2'), place, old), null)
})

test('no two purposes and no two versions share a key', () => {
  const keys = keysOf('v2', 'v1')
  const labels = ['fingerprint', 'outbox', 'throttle', 'login-code', 'form', 'audit', 'audit-head'] as const
  const digests = labels.flatMap((label) => [keyedDigest(keys, label, 'text'), keyedDigest(keys, label, 'text', 'v1')])
  assert.equal(new Set(digests).size, 2 * labels.length)
  assert.throws(() => keys.key('outbox', 'v3'), /no version "v3"/)
})
