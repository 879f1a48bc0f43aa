import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { tokenIn } from '../../test/mail-links.ts'
import { startTestApp, type TestResponse } from '../../test/test-app.ts'

const EMAIL = 'ann@example.com'
const NEXT = 'another long passphrase'

/** Open a link as a browser does. @returns what its form needs */
async function open(app: HardenedApp, path: string, token: string): Promise<{ cookie: string; formToken: string; page: TestResponse }> {
  const page = await app.request('GET', `${path}?token=${token}`, { headers: { accept: 'text/html' } })
  assert.equal(page.status, 200)
  const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  return { page, cookie, formToken: /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? '' }
}

async function submit(app: HardenedApp, path: string, action: string, fields: Record<string, string>): Promise<TestResponse> {
  const { cookie, formToken } = await open(app, path, fields.token ?? '')
  return app.request('POST', `/forms/${action}`, { form: { form_token: formToken, ...fields }, headers: { cookie } })
}

test('a person gets through with the links of the mails alone: verify, reset, log in, change the address and take it back', async () => {
  await using app = await startHardenedApp()
  await app.register(EMAIL, GOOD_PASSWORD)
  const verify = tokenIn((await app.newMails())[0])
  const wrong = await submit(app, '/verify', 'verify', { token: verify, password: NEXT })
  assert.equal(wrong.status, 403)
  assert.match(wrong.text, /role="alert"/)
  assert.equal((await submit(app, '/verify', 'verify', { token: verify, password: GOOD_PASSWORD })).status, 200)

  await app.request('POST', '/reset_password', { json: { email: EMAIL } })
  const reset = tokenIn((await app.newMails())[0])
  assert.equal((await submit(app, '/reset', 'reset', { token: reset, password: 'short' })).status, 400)
  assert.equal((await submit(app, '/reset', 'reset', { token: reset, password: NEXT })).status, 200)
  await app.newMails()

  await app.request('POST', '/login_codes', { json: { email: EMAIL } })
  const link = tokenIn((await app.newMails())[0])
  assert.match((await open(app, '/login', link)).page.text, /log in as ann@example\.com/)
  const login = await submit(app, '/login', 'login-link', { token: link })
  assert.deepEqual([login.status, login.headers.get('location')], [303, '/account'])
  assert.deepEqual(
    login.headers.getSetCookie().map((line) => line.split('=')[0]),
    ['session_id', 'device_id'],
  )

  const session = await app.logIn(EMAIL, NEXT)
  await app.newMails()
  await app.request('POST', '/account/email', { session, json: { email: 'ann@new.example' } })
  for (const mail of await app.newMails())
    assert.equal((await submit(app, '/account/email', 'address', { token: tokenIn(mail) })).status, 200)
  assert.equal((await app.request('GET', '/account', { session })).json.email, 'ann@new.example')
  const undo = tokenIn((await app.newMails())[0])
  assert.equal((await submit(app, '/account/email/undo', 'address', { token: undo })).status, 200)
  assert.equal((await app.auth.findUserBy({ email: EMAIL })).emailVerified, true)
})

test('a form without its token, with another browser’s, or from another site does nothing (R086, R083)', async () => {
  await using app = await startHardenedApp()
  await app.register(EMAIL, GOOD_PASSWORD)
  const token = tokenIn((await app.newMails())[0])
  const own = await open(app, '/verify', token)
  const other = await open(app, '/verify', token)
  const fields = { token, password: GOOD_PASSWORD }
  const tries: [Record<string, string>, Record<string, string>][] = [
    [{ ...fields, form_token: '' }, { cookie: own.cookie }],
    [{ ...fields, form_token: other.formToken }, { cookie: own.cookie }],
    [{ ...fields, form_token: own.formToken }, {}],
    [
      { ...fields, form_token: own.formToken },
      { cookie: own.cookie, 'sec-fetch-site': 'cross-site' },
    ],
  ]
  for (const [form, headers] of tries) assert.equal((await app.request('POST', '/forms/verify', { form, headers })).status, 403)
  await assert.rejects(app.auth.findUserBy({ email: EMAIL }), { code: 'user_not_found' })
  assert.equal((await submit(app, '/verify', 'verify', fields)).status, 200)
})

test('token pages keep the token to themselves: no referrer, no cache, nothing from elsewhere (R099)', async () => {
  await using app = await startHardenedApp()
  for (const path of ['/verify', '/reset', '/login', '/account/email', '/account/email/undo']) {
    const { page } = await open(app, path, 'A'.repeat(43))
    assert.equal(page.headers.get('referrer-policy'), 'no-referrer')
    assert.equal(page.headers.get('cache-control'), 'no-store')
    for (const [, target] of page.text.matchAll(/(?:href|src|action)="([^"]*)"/g))
      assert.match(target ?? '', /^(#content$|\/(?!\/)|data:,$)/)
  }
  assert.ok(app.logLines.every((line) => !JSON.stringify(line).includes('A'.repeat(43))))
})

test('a form of our own pages is taken as a browser sends it, with an origin of null, in classic too; one from elsewhere is not', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, 'pw')
  await app.sendMails()
  const token = tokenIn((await app.request('GET', '/dev/mailbox')).json.mails[0])
  const page = await app.request('GET', `/verify?token=${token}`)
  const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const form = { form_token: /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? '', token, password: 'pw' }
  const post = (site: string) => app.request('POST', '/forms/verify', { form, headers: { cookie, origin: 'null', 'sec-fetch-site': site } })
  assert.equal((await post('cross-site')).status, 403)
  assert.equal((await post('same-origin')).status, 200)
})
