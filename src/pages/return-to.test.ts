import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BAD_TARGETS, GOOD_TARGETS, RETURN_ENV } from '../../test/return-targets.ts'
import { parseConfig } from '../config.ts'
import { parseReturnTo } from './return-to.ts'

const config = parseConfig(RETURN_ENV)
const ALLOWED = new Set([config.publicUrl.origin, ...config.allowedOrigins])

test('a path of ours and an address of an application on the list are returned to, written anew (R211)', () => {
  for (const [text, url] of GOOD_TARGETS) assert.equal(parseReturnTo(config, text), url, text)
})

test('whatever else is written there leads nowhere, and breaks nothing (R211, R213, R215)', () => {
  for (const text of BAD_TARGETS) assert.equal(parseReturnTo(config, text), null, JSON.stringify(text.slice(0, 80)))
  assert.equal(parseReturnTo(config, null), null)
})

test('what comes out is an address of an allowed origin in printable ASCII, whatever goes in (R211, R214)', () => {
  const pieces = [
    '/',
    '\\',
    '.',
    '..',
    '@',
    ':',
    'http',
    'https',
    'localhost',
    ':5000',
    ':3000',
    'evil.example',
    '?',
    '#',
    '%2f',
    '%5c',
    '\t',
    '\n',
  ]
  const made = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 12 })
  const text = fc.oneof(
    made.map((parts) => parts.join('')),
    made.map((parts) => `/${parts.join('')}`),
    made.map((parts) => `http://localhost:3000${parts.join('')}`),
    fc.webUrl(),
    fc.constantFrom(...BAD_TARGETS, ...GOOD_TARGETS.map(([good]) => good)),
  )
  let accepted = 0
  fc.assert(
    fc.property(text, (one) => {
      const result = parseReturnTo(config, one)
      if (result === null) return
      accepted++
      const url = new URL(result)
      assert.ok(ALLOWED.has(url.origin) && /^https?:$/.test(url.protocol), result)
      assert.equal(url.username + url.password, '')
      assert.match(result, /^http:\/\/[\x21-\x7e]+$/)
      assert.ok(!url.pathname.startsWith('//'), result)
      // Read once more, it is the same.
      assert.equal(parseReturnTo(config, result), result)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(accepted > 500, `${accepted}`)
})
