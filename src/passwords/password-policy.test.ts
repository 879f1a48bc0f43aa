import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused, refused } from '../../test/refusals.ts'
import { hardenedEnv, sessionOf, startTestApp, type TestApp } from '../../test/test-app.ts'
import { parseConfig } from '../config.ts'
import { isCommonPassword } from './common-passwords.ts'
import { checkPasswordPolicy } from './password-policy.ts'

const OWNER = 'guillaume@holberton.io'
const OWNER_PASSWORD = 'the present passphrase'
/** Twenty letters outside the Basic Multilingual Plane, all different: two UTF-16 units and four bytes each. */
const ASTRAL = Array.from({ length: 20 }, (_, at) => String.fromCodePoint(0x1f600 + at)).join('')

/** The first `count` code points of a text that is long enough and is nobody's common password. */
function ofLength(count: number): string {
  return Array.from({ length: count }, (_, at) => String.fromCodePoint(97 + ((at * 7 + (at >> 4)) % 26))).join('')
}

async function hardenedApp(): Promise<TestApp> {
  const app = await startTestApp({ env: hardenedEnv() })
  await app.addVerified(OWNER, OWNER_PASSWORD)
  return app
}

/** Offer a password wherever one can be chosen. Registration is for the owner's other address. */
async function offer(app: TestApp, password: string) {
  const session = await app.logIn(OWNER, OWNER_PASSWORD)
  const reset_token = await app.auth.getResetPasswordToken(OWNER)
  return {
    password: await app.request('POST', '/users', { json: { email: 'Guillaume@other.example', password } }),
    new_password: await app.request('PUT', '/reset_password', { json: { email: OWNER, reset_token, new_password: password } }),
    change: await app.request('PUT', '/account/password', { session, json: { current_password: OWNER_PASSWORD, new_password: password } }),
  }
}

async function assertRejectedEverywhere(app: TestApp, password: string, reason: string): Promise<void> {
  const { change, ...others } = await offer(app, password)
  for (const [field, answer] of Object.entries({ ...others })) assertRefused(answer, 400, 'password_rejected', { field, reason })
  assertRefused(change, 400, 'password_rejected', { field: 'new_password', reason })
  await assert.rejects(app.auth.findUserBy({ email: 'guillaume@other.example' }), refused('user_not_found'))
  assert.equal(await app.auth.validLogin(OWNER, OWNER_PASSWORD), true)
}

/** Register, and in hardened open the mail. */
async function register(app: TestApp, email: string, password: string): Promise<void> {
  assertAnswered(await app.request('POST', '/users', { json: { email, password } }), { email, message: 'user created' })
  if (app.config.posture === 'classic') return
  const token = tokenIn((await app.sendMails()).findLast((mail) => mail.to === email))
  assert.equal((await app.request('PUT', '/email_verification', { json: { token, password } })).status, 200)
}

async function assertAcceptedAtRegistration(app: TestApp, password: string): Promise<void> {
  const email = `${app.auth.generateUuid()}@me.com`
  await register(app, email, password)
  assertAnswered(await app.request('POST', '/sessions', { json: { email, password } }), { email, message: 'logged in' })
}

test('hardened refuses 14 code points and takes 15, at registration, reset and change', async () => {
  await using app = await hardenedApp()
  await assertRejectedEverywhere(app, ofLength(14), 'too_short')
  assert.equal((await offer(app, ofLength(15))).password.status, 200)
  assert.equal(await app.auth.validLogin(OWNER, ofLength(15)), true)
})

test('a password of 15 code points is taken at each place by itself', async () => {
  await using app = await hardenedApp()
  const session = await app.logIn(OWNER, OWNER_PASSWORD)
  const json = { current_password: OWNER_PASSWORD, new_password: ofLength(15) }
  assert.equal((await app.request('PUT', '/account/password', { session, json })).status, 200)
  const reset_token = await app.auth.getResetPasswordToken(OWNER)
  const reset = await app.request('PUT', '/reset_password', { form: { email: OWNER, reset_token, new_password: ofLength(16) } })
  assert.equal(reset.status, 200)
  await assertAcceptedAtRegistration(app, ofLength(15))
})

test('hardened does not start with a minimum below 15, classic starts with any', () => {
  for (const minimum of ['1', '7', '8', '14']) {
    assert.throws(
      () => parseConfig(hardenedEnv({ BIENVENUE_PASSWORD_MIN_LENGTH: minimum })),
      /BIENVENUE_PASSWORD_MIN_LENGTH must be at least 15/,
    )
  }
  assert.equal(parseConfig(hardenedEnv()).password.minLength, 15)
  assert.equal(parseConfig(hardenedEnv({ BIENVENUE_PASSWORD_MIN_LENGTH: '20' })).password.minLength, 20)
  assert.equal(parseConfig({}).password.minLength, 1)
})

test('length is counted in code points, not in UTF-16 units or bytes', async () => {
  await using app = await hardenedApp()
  const letters = [...ASTRAL]
  assert.equal(letters.slice(0, 8).join('').length, 16)
  await assertRejectedEverywhere(app, letters.slice(0, 14).join(''), 'too_short')
  await assertAcceptedAtRegistration(app, letters.slice(0, 15).join(''))
})

test('length is counted after NFC: a letter and its accent are one', async () => {
  await using app = await hardenedApp()
  const decomposed = `e\u0301${ofLength(13)}`
  assert.equal([...decomposed].length, 15)
  await assertRejectedEverywhere(app, decomposed, 'too_short')
  await assertAcceptedAtRegistration(app, `e\u0301${ofLength(14)}`)
})

test('64 and 256 code points work, of one byte or of four', async () => {
  await using app = await hardenedApp()
  const astral = ASTRAL.repeat(13)
  for (const password of [ofLength(64), ofLength(256), [...astral].slice(0, 256).join('')])
    await assertAcceptedAtRegistration(app, password)
})

test('257 code points are refused, never cut: the first 255 of 256 log nobody in', async () => {
  await using app = await hardenedApp()
  await assertRejectedEverywhere(app, ofLength(257), 'too_long')
  await register(app, 'long@me.com', ofLength(256))
  for (const [length, status] of [
    [255, 401],
    [257, 401],
    [256, 200],
  ] as const) {
    const answer = await app.request('POST', '/sessions', { form: { email: 'long@me.com', password: ofLength(length) } })
    assert.equal(answer.status, status)
  }
})

test('classic takes a password of one code point and refuses 257', async () => {
  await using app = await startTestApp()
  await assertAcceptedAtRegistration(app, 'x')
  await assertAcceptedAtRegistration(app, '\u{1f600}')
  await assertAcceptedAtRegistration(app, ' ')
  await assertAcceptedAtRegistration(app, 'password')
  await assertAcceptedAtRegistration(app, ofLength(256))
  const answer = await app.request('POST', '/users', { form: { email: 'a@me.com', password: ofLength(257) } })
  assertRefused(answer, 400, 'password_rejected', { field: 'password', reason: 'too_long' })
})

test('every byte counts: one changed beyond the 72nd, or behind a NUL, is another password', async () => {
  await using app = await hardenedApp()
  const long = ofLength(100)
  const withNul = 'aaaaaaa\u0000bbbbbbbbb'
  await register(app, 'long@me.com', long)
  await register(app, 'nul@me.com', withNul)
  const wrong: [string, string][] = [
    ['long@me.com', `${long.slice(0, 72)}#${long.slice(73)}`],
    ['long@me.com', long.slice(0, 72)],
    ['long@me.com', long.slice(0, 99)],
    ['nul@me.com', 'aaaaaaa'],
    ['nul@me.com', 'aaaaaaa\u0000'],
    ['nul@me.com', 'aaaaaaa\u0000bbbbbbbbc'],
  ]
  for (const [email, password] of wrong) assert.equal(await app.auth.validLogin(email, password), false, password)
  assert.equal(await app.auth.validLogin('long@me.com', long), true)
  assert.equal(await app.auth.validLogin('nul@me.com', withNul), true)
})

test('spaces at both ends and upper and lower case are kept', async () => {
  await using app = await hardenedApp()
  const password = ' The Quick Brown Fox '
  await register(app, 'a@me.com', password)
  for (const other of [password.trim(), password.trimStart(), password.trimEnd(), password.toLowerCase(), password.toUpperCase()]) {
    const answer = await app.request('POST', '/sessions', { form: { email: 'a@me.com', password: other } })
    assertRefused(answer, 401, 'login_refused')
  }
  app.clock.advance(30)
  assert.equal(await app.auth.validLogin('a@me.com', password), true)
})

test('composed and decomposed letters are one password, ligatures and their letters are two', async () => {
  await using app = await startTestApp()
  await register(app, 'nfc@me.com', '\u00e9t\u00e9')
  await register(app, 'nfd@me.com', 'e\u0301te\u0301')
  for (const email of ['nfc@me.com', 'nfd@me.com']) {
    for (const password of ['\u00e9t\u00e9', 'e\u0301te\u0301', '\u00e9te\u0301'])
      assert.equal(await app.auth.validLogin(email, password), true)
    assert.equal(await app.auth.validLogin(email, 'ete'), false)
  }
  await register(app, 'ligature@me.com', '\ufb01n')
  assert.equal(await app.auth.validLogin('ligature@me.com', 'fin'), false)
  await register(app, 'wide@me.com', '\uff41\uff42')
  assert.equal(await app.auth.validLogin('wide@me.com', 'ab'), false)
})

test('half a surrogate pair and bytes that are no UTF-8 are refused, never replaced', async () => {
  await using app = await startTestApp()
  const lone = await app.request('POST', '/users', {
    body: '{"email":"a@me.com","password":"\\ud800 and more"}',
    headers: { 'content-type': 'application/json' },
  })
  assertRefused(lone, 400, 'field_invalid', { field: 'password' })
  for (const bytes of [Buffer.from('email=a@me.com&password=p\xffw', 'latin1'), Buffer.from('email=a@me.com&password=p%FFw')]) {
    const answer = await app.request('POST', '/users', { body: bytes, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    assertRefused(answer, 400, 'body_malformed')
  }
  await assert.rejects(app.auth.findUserBy({ email: 'a@me.com' }), refused('user_not_found'))
  await register(app, 'a@me.com', 'p\ufffdw')
  const login = await app.request('POST', '/sessions', {
    body: '{"email":"a@me.com","password":"p\\ud800w"}',
    headers: { 'content-type': 'application/json' },
  })
  assert.ok(login.status >= 400 && login.status < 500)
  assert.equal(sessionOf(login), null)
})

test('no kind of character is asked for: small letters, digits, spaces or emoji alone will do', async () => {
  await using app = await hardenedApp()
  for (const password of [
    'correcthorsebatterystaple',
    '83650174926591736402',
    'a b c d e f g h i',
    ASTRAL,
    'ÄÖÜßẞ ложка 日本語 ñandú',
    '~!@#$%^&*()_+{}|:"<>?`',
  ]) {
    await assertAcceptedAtRegistration(app, password)
  }
})

test('hardened refuses common passwords at registration, reset and change', async () => {
  await using app = await hardenedApp()
  await assertRejectedEverywhere(app, '123456789012345', 'common')
  await assertRejectedEverywhere(app, 'passwordpassword', 'common')
  await assertRejectedEverywhere(app, 'qwertyuiopasdfghjkl', 'common')
})

test('a common password is recognised in any case, doubled, and as one short unit repeated', () => {
  for (const password of ['QWERTYuiopasdfghjkl', 'sunshinesunshine', 'aaaaaaaaaaaaaaaa', 'abcabcabcabcabcab', '12341234123412341']) {
    assert.equal(isCommonPassword(password), true, password)
  }
})

test('a phrase that holds a common password is fine', async () => {
  await using app = await hardenedApp()
  await assertAcceptedAtRegistration(app, 'my password is not password no')
  for (const password of ['sunshine on a cloudy day', 'qwertyuiop and then some', 'abcabcabcabcabcx'])
    assert.equal(isCommonPassword(password), false)
})

test('hardened refuses passwords made of the address or of the name of the service', async () => {
  await using app = await startTestApp({ env: hardenedEnv({ BIENVENUE_NAME: 'Example Ltd' }) })
  await app.addVerified(OWNER, OWNER_PASSWORD)
  const context = { email: OWNER, field: 'password' }
  const made = [
    'guillaume@holberton.io',
    'GUILLAUME@HOLBERTON.IO',
    'guillaumeguillaume',
    'guillaume123456789',
    '2024!guillaume!2024',
    'emualliugemualliug',
    'holberton.ioholberton.io',
    'holbertonholberton',
    'Example Ltd 2026',
    'example ltdexample ltd',
    'bienvenuebienvenue',
    'bienvenue1234567',
    'eunevneibeunevneib',
    'localhostlocalhost',
  ]
  for (const password of made) {
    assert.throws(() => checkPasswordPolicy(app.config, password, context), refused('password_rejected', { reason: 'context' }), password)
  }
  for (const password of ['guillaume likes tea', 'welcome to holberton', 'bienvenue a la maison', 'example limited partner']) {
    checkPasswordPolicy(app.config, password, context)
  }
  const answer = await app.request('POST', '/users', { form: { email: 'amy.pond@me.com', password: 'amy.pond@me.com' } })
  assertRefused(answer, 400, 'password_rejected', { field: 'password', reason: 'context' })
})

test('classic applies no block list and no context words', () => {
  const config = parseConfig({})
  for (const password of ['password', '123456', OWNER]) checkPasswordPolicy(config, password, { email: OWNER, field: 'password' })
})

test('a refusal of a password says which rule it breaks, and never repeats the password', async () => {
  await using app = await hardenedApp()
  const { password } = await offer(app, 'tooShort#1')
  assert.equal(password.json.message, 'The password must have at least 15 characters; it has 10.')
  assert.doesNotMatch(password.text, /tooShort/)
  assert.doesNotMatch(JSON.stringify(app.logLines), /tooShort/)
})
