import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { startTestApp } from '../../test/test-app.ts'
import { parseEmailAddress } from './email-address.ts'

function canonicalOf(address: string): string | undefined {
  return parseEmailAddress(address)?.canonical
}

test('an address is kept as it was typed and compared in ASCII lower case', () => {
  assert.deepEqual(parseEmailAddress('Bob.Builder+Tag@EXAMPLE.com'), {
    address: 'Bob.Builder+Tag@EXAMPLE.com',
    canonical: 'bob.builder+tag@example.com',
  })
})

test('usual and unusual addresses are taken', () => {
  for (const address of [
    'guillaume@holberton.io',
    'a@b',
    'me@localhost',
    'a.b.c@d.e.f',
    'a+b@me.com',
    "o'brien@me.com",
    '!#$%&*+/=?^_`{|}~-@me.com',
    '1@2.com',
    'x@3com.example',
    'a@x--y.com',
    `${'l'.repeat(64)}@me.com`,
    `a@${'d'.repeat(63)}.com`,
  ]) {
    assert.equal(canonicalOf(address), address.toLowerCase())
  }
})

test('spellings of one domain are one address', () => {
  for (const [address, canonical] of [
    ['a@bücher.example', 'a@xn--bcher-kva.example'],
    ['a@BÜCHER.example', 'a@xn--bcher-kva.example'],
    ['a@bu\u0308cher.example', 'a@xn--bcher-kva.example'],
    ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
    ['a@XN--BCHER-KVA.example', 'a@xn--bcher-kva.example'],
    ['a@ｍｅ.com', 'a@me.com'],
    ['a@me\u3002com', 'a@me.com'],
    ['a@me\uff0ecom', 'a@me.com'],
    ['a@m\u00ade.com', 'a@me.com'],
    ['a@m\u200be.com', 'a@me.com'],
    ['a@\u212aelvin.com', 'a@kelvin.com'],
  ] as const) {
    assert.equal(canonicalOf(address), canonical, JSON.stringify(address))
  }
})

test('dots and tags of the local part are kept: they are other accounts', () => {
  const addresses = ['ab@me.com', 'a.b@me.com', 'ab+x@me.com', 'ab+y@me.com', 'a-b@me.com']
  assert.equal(new Set(addresses.map(canonicalOf)).size, addresses.length)
})

const NO_ADDRESSES: Record<string, readonly unknown[]> = {
  'no text': [null, undefined, 0, 42, true, {}, [], ['a@me.com'], { email: 'a@me.com' }],
  'no or several "@"': ['', 'a', '@', 'a@', '@me.com', 'a@@me.com', 'a@b@me.com', 'me.com'],
  'look-alikes of "@"': ['a\uff20me.com', 'a\ufe6bme.com', 'a\uff20b@me.com', 'a@b\uff20me.com', 'a@b\ufe6bme.com'],
  'blanks and controls': [
    ' a@me.com',
    'a@me.com ',
    'a b@me.com',
    'a@m e.com',
    'a@me.com\n',
    'a@me.com\r\nBcc: evil@me.com',
    'a\r\n@me.com',
    'a\u0000@me.com',
    'a@me.com\u0000',
    'a@\tme.com',
    '\ufeffa@me.com',
  ],
  'dots in the wrong place': ['.a@me.com', 'a.@me.com', 'a..b@me.com', 'a@.me.com', 'a@me..com', 'a@me.com.', 'a@.'],
  'quoted local parts': ['"a"@me.com', '"a b"@me.com', '"x@evil x"@ok.com', '"a@b"@me.com', 'a"b@me.com'],
  comments: ['a(x)@me.com', 'user@ok(x)evil.com', '(x)a@me.com', 'a@me.com(x)', 'a@(x)me.com'],
  'lists, groups and display names': [
    'a@ok.com,b@evil.com',
    'a@ok.com;b@evil.com',
    'a,b@me.com',
    'Bob <a@me.com>',
    '<a@me.com>',
    'g:a@me.com;',
  ],
  'local parts that are not ASCII': ['é@me.com', 'ａ@me.com', 'a\u200b@me.com', 'a\u00ad@me.com', '日本@me.com', '\u017f@me.com'],
  'domains that are none': [
    'a@-me.com',
    'a@me-.com',
    'a@m_e.com',
    'a@me!.com',
    'a@me,com',
    'a@me.com/path',
    'a@me.com?x',
    'a@me.com#x',
    'a@me.com:25',
    'a@u:p.com',
    'a@me\\com',
    'a@me%2ecom',
    'a@%6de.com',
    `a@${'d'.repeat(64)}.com`,
  ],
  'IP addresses': ['a@127.0.0.1', 'a@1', 'a@0x7f.1', 'a@2130706433', 'a@[127.0.0.1]', 'a@[::1]', 'a@me.123', 'a@１２７.0.0.1'],
  'too long': [
    `${'l'.repeat(65)}@me.com`,
    `${'l'.repeat(64)}@${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.example`,
    `a@${Array.from({ length: 60 }, () => 'ü').join('.')}.${'d'.repeat(60)}.${'d'.repeat(60)}`,
    // Short as it is typed, 258 characters in its canonical form.
    `${'l'.repeat(10)}@${Array.from({ length: 31 }, () => 'ü').join('.')}`,
    `a@${'d.'.repeat(5_000)}com`,
    'x'.repeat(100_000),
  ],
}

for (const [kind, values] of Object.entries(NO_ADDRESSES)) {
  test(`refused as an address: ${kind}`, () => {
    for (const value of values) assert.equal(parseEmailAddress(value), null, JSON.stringify(value)?.slice(0, 80))
  })
}

test('an address of 254 bytes is taken, one of 255 is not', () => {
  const domain = `${'d'.repeat(63)}.${'e'.repeat(63)}.${'f'.repeat(57)}.io`
  assert.equal(`${'l'.repeat(64)}@${domain}`.length, 64 + 1 + 188)
  assert.notEqual(parseEmailAddress(`${'l'.repeat(64)}@x${domain.slice(1)}`), null)
  const longest = `${'l'.repeat(64)}@${'d'.repeat(63)}.${'e'.repeat(63)}.${'f'.repeat(58)}.io`
  assert.equal(longest.length, 254)
  assert.equal(canonicalOf(longest), longest)
  assert.equal(parseEmailAddress(longest.replace('.io', 'g.io')), null)
})

/** Text that often is nearly an address. */
const nearlyAddress = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })).map(([local, domain]) => `${local}@${domain}`),
  fc
    .tuple(fc.string({ unit: fc.constantFrom(...'aZ.+-_"') }), fc.string({ unit: fc.constantFrom(...'aZ.-0xüßİ\u00ad。．@ｅ') }))
    .map(([local, domain]) => `${local}@${domain}`),
  fc.tuple(fc.emailAddress(), fc.webUrl()).map(([address, url]) => `${address.split('@')[0]}@${new URL(url).hostname}`),
)

test('parsing never throws, and the canonical form is a fixed point in plain ASCII (property)', () => {
  let taken = 0
  fc.assert(
    fc.property(nearlyAddress, (text) => {
      const parsed = parseEmailAddress(text)
      if (parsed === null) return
      taken++
      assert.equal(parsed.address, text)
      assert.match(parsed.canonical, /^[\x21-\x3f\x5b-\x7e]+@[a-z0-9.-]+$/)
      assert.ok(parsed.canonical.length <= 254)
      assert.deepEqual(parseEmailAddress(parsed.canonical), { address: parsed.canonical, canonical: parsed.canonical })
    }),
    { numRuns: 3_000 },
  )
  assert.ok(taken > 100)
})

test('parsing never throws for anything that is not text (property)', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      if (typeof value !== 'string') assert.equal(parseEmailAddress(value), null)
    }),
  )
})

test('swapping the case of ASCII letters changes no address (property)', () => {
  fc.assert(
    fc.property(fc.emailAddress(), fc.infiniteStream(fc.boolean()), (address, upper) => {
      const flips = upper[Symbol.iterator]()
      const swapped = [...address].map((letter) => (flips.next().value ? letter.toUpperCase() : letter.toLowerCase())).join('')
      assert.equal(canonicalOf(swapped), canonicalOf(address))
    }),
  )
})

test('one address in another spelling is one account at registration, login and reset alike', async () => {
  await using app = await startTestApp()
  await app.register('A@BÜCHER.example', 'pwd')
  for (const email of ['a@bücher.example', 'a@XN--BCHER-KVA.EXAMPLE', 'A@bu\u0308cher.example']) {
    const taken = await app.request('POST', '/users', { form: { email, password: 'other' } })
    assert.deepEqual([taken.status, taken.text], [400, '{"message":"email already registered"}'])
    const login = await app.request('POST', '/sessions', { form: { email, password: 'pwd' } })
    assertAnswered(login, { email, message: 'logged in' })
    assert.equal((await app.request('POST', '/reset_password', { form: { email } })).status, 200)
  }
})

test('a.b+x@me.com and ab@me.com are two accounts', async () => {
  await using app = await startTestApp()
  await app.register('a.b+x@me.com', 'one')
  await app.register('ab@me.com', 'two')
  assert.equal(await app.auth.validLogin('ab@me.com', 'one'), false)
})

test('what is no address is 400 at registration, 401 at login and 403 at a reset, and never stored', async () => {
  await using app = await startTestApp()
  for (const email of ['"x@evil x"@ok.com', 'user@ok(x)evil.com', 'a@ok.com,b@evil.com', 'a@me.com\r\nBcc: evil@me.com', 'a\uff20me.com']) {
    assertRefused(await app.request('POST', '/users', { json: { email, password: 'pwd' } }), 400, 'field_invalid', { field: 'email' })
    assertRefused(await app.request('POST', '/sessions', { form: { email, password: 'pwd' } }), 401, 'login_refused')
    assertRefused(await app.request('POST', '/reset_password', { form: { email } }), 403, 'user_not_found')
  }
  assert.deepEqual(await app.auth.deps.database.reads.selectFrom('users').select('id').execute(), [])
})
