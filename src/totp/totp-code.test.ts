import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Secret } from 'otpauth'
import { systemRandom } from '../crypto/random.ts'
import { makeTotpSecret, normaliseTotpCode, stepOfCode, totpUri } from './totp-code.ts'

/** RFC 6238 appendix B, SHA-1: seconds, and the last six of its eight digits. */
const VECTORS: readonly (readonly [number, string])[] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
]
const RFC_SECRET = Secret.fromLatin1('12345678901234567890').base32

test('the codes are those of RFC 6238 appendix B', async () => {
  for (const [seconds, code] of VECTORS) assert.equal(await stepOfCode(RFC_SECRET, code, seconds * 1_000), Math.floor(seconds / 30), code)
})

test('a code is known by its own step, from one step before to one step after, and in no other (R135)', async () => {
  for (const [seconds, code] of VECTORS) {
    const step = Math.floor(seconds / 30)
    const startsAt = step * 30_000
    for (const at of [startsAt - 30_000, startsAt - 1, startsAt, startsAt + 29_999, startsAt + 59_999])
      assert.equal(await stepOfCode(RFC_SECRET, code, at), step, `${code} at ${at}`)
    for (const at of [startsAt - 30_001, startsAt + 60_000]) assert.equal(await stepOfCode(RFC_SECRET, code, at), null, `${code} at ${at}`)
  }
})

test('a secret is twenty random bytes in base 32 (R133)', async () => {
  const secrets = await Promise.all(Array.from({ length: 50 }, () => makeTotpSecret(systemRandom)))
  for (const secret of secrets) assert.deepEqual([Secret.fromBase32(secret).bytes.length, secret.length], [20, 32])
  assert.equal(new Set(secrets).size, 50)
})

test('whatever stands in the name of the service or in an address, the picture’s address says no more and no less (R133)', async () => {
  const issuers = ['Example', 'A: B', 'A&secret=AAAA', 'A/B', 'A?B#C', 'A%3AB', 'Café ☕', '“A” + B']
  const labels = [
    'ann@example.com',
    'ann+news@example.com',
    'a&b=c@example.com',
    '日本@bücher.example',
    'a%2Fb@example.com',
    "o'hara/x@example.com",
  ]
  for (const issuer of issuers)
    for (const label of labels) {
      const uri = new URL(await totpUri({ issuer, label }, RFC_SECRET))
      const named = issuer.replaceAll(':', ' ')
      assert.deepEqual([uri.protocol, uri.host, uri.hash], ['otpauth:', 'totp', ''])
      assert.equal(decodeURIComponent(uri.pathname), `/${named}:${label}`)
      assert.equal(uri.pathname.split('/').length, 2)
      assert.deepEqual(Object.fromEntries(uri.searchParams), {
        issuer: named,
        secret: RFC_SECRET,
        algorithm: 'SHA1',
        digits: '6',
        period: '30',
      })
      assert.equal([...uri.searchParams].length, 5)
      // Apps that take a plus for a blank, and apps that do not.
      assert.ok(!uri.href.includes('+'), uri.href)
    }
})

test('a code is six digits, with spaces or without; nothing else is one, and nothing breaks the reading (R138)', () => {
  for (const typed of ['123456', '123 456', ' 123\u00a0456 ', '1 2 3 4 5 6', '123\u202f456'])
    assert.equal(normaliseTotpCode(typed), '123456')
  for (const typed of [
    '',
    '12345',
    '1234567',
    '12345a',
    '123-456',
    '１２３４５６',
    '٠١٢٣٤٥',
    '123456\n',
    '+12345',
    '1e5000',
    `123456${' '.repeat(40)}`,
  ])
    assert.equal(normaliseTotpCode(typed), null, JSON.stringify(typed))
  for (const typed of [null, undefined, 123_456, true, ['123456'], { code: '123456' }, 123_456n])
    assert.equal(normaliseTotpCode(typed), null)
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9 ]{0,20}$/)), (typed) => {
      const code = normaliseTotpCode(typed)
      assert.ok(code === null || (/^[0-9]{6}$/.test(code) && typeof typed === 'string'))
    }),
  )
})
