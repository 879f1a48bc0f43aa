import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { browserNameOf } from './browser-name.ts'

const CHROMIUM = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0'

test('a session is recognised by its browser and its system', () => {
  const known: readonly (readonly [string, string | null, string | null])[] = [
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0', 'Firefox', 'Windows'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox', 'Linux'],
    ['Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0', 'Firefox', 'Android'],
    [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${CHROMIUM} Safari/537.36`, 'Chrome', 'macOS'],
    [`Mozilla/5.0 (Linux; Android 10; K) ${CHROMIUM} Mobile Safari/537.36`, 'Chrome', 'Android'],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROMIUM} Safari/537.36`, 'Chrome', 'ChromeOS'],
    [`Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/153.0.0.0 Safari/537.36`, 'Chrome', 'Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROMIUM} Safari/537.36 Edg/143.0.0.0`, 'Edge', 'Windows'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROMIUM} Safari/537.36 OPR/124.0.0.0`, 'Opera', 'Windows'],
    [`Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile`, 'Samsung Internet', 'Android'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
      'Safari',
      'macOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
      'Safari',
      'iPhone',
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0.0.0 Mobile/15E148 Safari/604.1',
      'Chrome',
      'iPad',
    ],
    ['Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko', 'Internet Explorer', 'Windows'],
    ['curl/8.17.0', 'curl', null],
    ['python-requests/2.32.5', 'Python', null],
    ['Mozilla/5.0 (Windows NT 10.0)', null, 'Windows'],
  ]
  for (const [userAgent, browser, system] of known) assert.deepEqual(browserNameOf(userAgent), { browser, system }, userAgent)
})

test('what is no browser’s has no name, and nothing of it is repeated', () => {
  for (const userAgent of [null, '', 'x', '"><script>alert(1)</script>', 'Chromest/1 Windowsill'])
    assert.deepEqual(browserNameOf(userAgent), { browser: null, system: null })
})

test('any text is read, and soon', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 256 }), (userAgent) => {
      const { browser, system } = browserNameOf(userAgent)
      assert.ok([browser, system].every((name) => name === null || /^[A-Z.a-z ]+$/.test(name)))
    }),
  )
  browserNameOf(`Version/1 ${'Version/1 '.repeat(25_000)}`)
})
