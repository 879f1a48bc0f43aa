import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn, tokenIn } from '../../test/mail-links.ts'
import { openBrowser } from '../../test/page-browser.ts'
import { sessionOf, startTestApp, type TestResponse } from '../../test/test-app.ts'

const EMAIL = 'ann@example.com'
const WRONG = 'The email address or the password is wrong.'

/** A page without what is another one at each request: the form's token and the request's number. */
const bytesOf = ({ text }: TestResponse) =>
  text.replaceAll(/value="[0-9a-f]{64}"|data-options="[^"]*"/g, '').replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '')

test('a person registers, logs in, goes where they were going, and logs out, in classic', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_ALLOWED_ORIGINS: 'http://localhost:3000' } })
  const browser = openBrowser(app)
  const target = 'http://localhost:3000/cart?id=7'
  const registered = await browser.submit(`/register?return_to=${encodeURIComponent(target)}`, 'register', { email: EMAIL, password: 'pw' })
  assert.equal(registered.status, 303)
  const toLogin = registered.headers.get('location') ?? ''
  assert.match(toLogin, /^\/login\?done=registered&return_to=/)
  assert.match((await browser.get(toLogin)).text, /<p class="notice" role="status">Your account is there\. Log in\.<\/p>/)
  const login = await browser.submit(toLogin, 'login', { email: EMAIL, password: 'pw' })
  assert.deepEqual([login.status, login.headers.get('location')], [303, target])
  assert.deepEqual(
    login.headers.getSetCookie().map((line) => line.replace(/=[^;]+/, '=…')),
    ['session_id=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000', 'device_id=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000'],
  )
  assert.equal((await app.request('GET', '/profile', { session: browser.cookies.get('session_id') ?? '' })).json.email, EMAIL)

  const again = await browser.get('/login')
  assert.deepEqual([again.status, again.headers.get('location')], [303, '/account'])
  const session = browser.cookies.get('session_id') ?? ''
  const page = await browser.get('/reset')
  const form_token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const cookie = `session_id=${session}; form_id=${browser.cookies.get('form_id')}`
  const send = (token: string) => app.request('POST', '/forms/logout', { form: { form_token: token }, headers: { cookie } })
  assert.equal((await send('x')).status, 403, 'not without the token of its form')
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  const out = await send(form_token)
  assert.deepEqual(
    [out.status, out.headers.get('location'), out.headers.get('clear-site-data')],
    [303, '/login?done=logged_out', '"cache"'],
  )
  assert.match(out.headers.getSetCookie().join(), /^session_id=; .*Max-Age=0$/)
  assert.equal((await app.request('GET', '/profile', { session })).status, 403)
})

test('whatever is wrong with a login, the page says the same, keeps the address, and shows no password (R028)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  await app.register('pending@example.com', GOOD_PASSWORD)
  const seen = new Set<string>()
  for (const [email, password] of [
    [EMAIL, 'not the password of ann'],
    ['nobody@example.com', 'not the password of ann'],
    ['pending@example.com', GOOD_PASSWORD],
    ['no address', GOOD_PASSWORD],
  ] as const) {
    const browser = openBrowser(app)
    const answer = await browser.submit('/login', 'login', { email, password })
    assert.equal(answer.status, 401, email)
    assert.ok(answer.text.includes(`<p class="problem" role="alert">${WRONG}</p>`), answer.text)
    assert.ok(answer.text.includes(`value="${email}"`))
    assert.ok(!answer.text.includes(password))
    assert.equal(sessionOf(answer), null)
    seen.add(bytesOf(answer).replace(email, '…'))
  }
  assert.equal(seen.size, 1)
})

test('hardened: a known address and an unknown one get the same pages when they register, forget, verify again or ask for a code (R031, R033)', async () => {
  await using app = await startHardenedApp({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
  await app.registerVerified(EMAIL)
  const steps: readonly (readonly [string, string, Record<string, string>])[] = [
    ['/register', 'register', { password: GOOD_PASSWORD }],
    ['/reset', 'request-reset', {}],
    ['/verify', 'request-verification', {}],
    ['/login/code', 'request-login-code', {}],
    ['/login', 'login', { password: 'a wrong one of some length' }],
  ]
  for (const [path, action, fields] of steps) {
    const seen = new Set<string>()
    for (const email of [EMAIL, 'nobody@example.com']) {
      const browser = openBrowser(app)
      const answer = await browser.submit(path, action, { email, ...fields })
      const { status, headers } = answer
      const location = headers.get('location')
      const next = location === null ? '' : bytesOf(await browser.get(location))
      seen.add(JSON.stringify([status, location, bytesOf(answer).replaceAll(email, '…'), next, headers.getSetCookie().length]))
    }
    assert.equal(seen.size, 1, action)
  }
  await app.sendMails()
})

test('what is wrong stands beside its field, is tied to it, and is said in the person’s language', async () => {
  await using app = await startHardenedApp({ BIENVENUE_NAME: 'Example' })
  const tries: readonly (readonly [string, Record<string, string>, string, string])[] = [
    ['register', { email: '', password: GOOD_PASSWORD }, 'email', 'Saisissez votre adresse e-mail.'],
    ['register', { email: 'no address', password: GOOD_PASSWORD }, 'email', 'Saisissez une adresse comme nom@example.com.'],
    ['register', { email: EMAIL, password: '' }, 'password', 'Saisissez votre mot de passe.'],
    ['register', { email: EMAIL, password: 'short' }, 'password', 'Utilisez au moins 15 caractères.'],
    ['register', { email: EMAIL, password: 'x'.repeat(300) }, 'password', 'Utilisez au plus 256 caractères.'],
    [
      'register',
      { email: EMAIL, password: 'passwordpassword' },
      'password',
      'Ce mot de passe est l’un des plus courants. Choisissez-en un autre.',
    ],
    [
      'register',
      { email: EMAIL, password: 'exampleexampleexample' },
      'password',
      'Ne composez pas le mot de passe à partir de votre adresse ou du nom de ce service.',
    ],
    ['login', { email: '', password: 'x' }, 'email', 'Saisissez votre adresse e-mail.'],
    ['login', { email: EMAIL, password: '' }, 'password', 'Saisissez votre mot de passe.'],
  ]
  for (const [action, fields, field, sentence] of tries) {
    const { status, text } = await openBrowser(app, 'fr-CA, en;q=0.5').submit(`/${action}`, action, fields)
    assert.equal(status, 400, sentence)
    assert.match(text, /<html lang="fr">/)
    assert.ok(text.includes(`<p class="error" id="${field}-error">${sentence}</p>`), `${sentence} is not in ${text}`)
    const input = new RegExp(`<input id="${field}"[^>]*>`).exec(text)?.[0] ?? ''
    assert.match(input, /aria-invalid="true"/)
    assert.match(input, new RegExp(`aria-describedby="${field}-error`))
    assert.equal(text.match(/aria-invalid/g)?.length, 1)
  }
})

test('too many attempts say in how many minutes the next one is looked at', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const browser = openBrowser(app)
  let last: TestResponse | undefined
  for (let attempt = 0; attempt < 30 && last?.status !== 429; attempt++)
    last = await browser.submit('/login', 'login', { email: EMAIL, password: 'a wrong one of some length' })
  assert.equal(last?.status, 429)
  assert.match(last.headers.get('retry-after') ?? '', /^\d+$/)
  assert.match(last.text, /role="alert">Too many attempts\. Try again in \d+ (second|minute)s?\.</)
})

async function codeFor(app: HardenedApp, browser: ReturnType<typeof openBrowser>): Promise<{ page: TestResponse; code: string }> {
  const page = await browser.submit('/login/code?return_to=/x', 'request-login-code', { email: EMAIL })
  return { page, code: codeIn((await app.newMails()).find(({ kind }) => kind === 'login_code')) }
}

test('a person logs in with a mailed code, and is told beside the field when it is wrong', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const browser = openBrowser(app)
  const { page, code } = await codeFor(app, browser)
  assert.equal(page.status, 200)
  assert.match(page.text, /autocomplete="one-time-code"/)
  const wrong = await browser.submitOn(page, 'login-with-code', { code: 'AAAA-AAAA' })
  assert.equal(wrong.status, 401)
  assert.match(wrong.text, /<p class="error" id="code-error">The code is wrong, expired or used already\.<\/p>/)
  const right = await browser.submitOn(wrong, 'login-with-code', { code })
  assert.deepEqual([right.status, right.headers.get('location')], [303, 'http://localhost:5000/x'])
  assert.notEqual(sessionOf(right), null)
})

test('a person who forgot their password gets a link, chooses another and logs in with it', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const browser = openBrowser(app)
  const asked = await browser.submit('/reset', 'request-reset', { email: EMAIL })
  assert.equal(asked.headers.get('location'), '/reset?done=reset_mailed')
  assert.match((await browser.get('/reset?done=reset_mailed')).text, /role="status">If this address has an account/)
  const token = tokenIn((await app.newMails()).at(-1))
  const next = 'another long passphrase'
  const set = await browser.submit(`/reset?token=${token}`, 'reset', { password: next })
  assert.match(set.text, /<h1>Your password is set<\/h1>/)
  assert.equal(sessionOf(set), null)
  assert.equal((await browser.submit('/login', 'login', { email: EMAIL, password: next })).status, 303)
})

test('where registration is closed, no page offers it, and the form does nothing', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_REGISTRATION: 'closed' } })
  const browser = openBrowser(app)
  assert.doesNotMatch((await browser.get('/login')).text, /\/register/)
  assert.match((await browser.get('/register')).text, /New accounts cannot be created here/)
  const page = await browser.get('/login')
  const form_token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const cookie = `form_id=${browser.cookies.get('form_id')}`
  const answer = await app.request('POST', '/forms/register', { form: { form_token, email: EMAIL, password: 'pw' }, headers: { cookie } })
  assert.equal(answer.status, 403)
  await assert.rejects(app.auth.findUserBy({ email: EMAIL }), { code: 'user_not_found' })
})

test('a page says only what is on its list: no word in a link puts a sentence on it', async () => {
  await using app = await startTestApp()
  const browser = openBrowser(app)
  for (const word of ['hacked', '__proto__', 'constructor', 'toString', '<b>x</b>', ''])
    assert.doesNotMatch((await browser.get(`/login?done=${encodeURIComponent(word)}`)).text, /class="notice"/, word)
})
