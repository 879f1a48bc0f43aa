import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANN, annsBrowser, assertLeadsTo, hiddenOf, openBrowser } from '../../test/account-browser.ts'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { startTestApp } from '../../test/test-app.ts'
import { SECTION_PATHS } from './account-sections.ts'

/** Every form of the account, on which page it is, and what would change something. */
const FORMS: readonly (readonly [string, string, Record<string, string>])[] = [
  ['/account', 'change-name', { name: 'Mallory' }],
  ['/account', 'change-address', { email: 'mallory@example.com' }],
  ['/account/security', 'change-password', { current_password: GOOD_PASSWORD, new_password: 'the password of mallory' }],
  ['/account/sessions', 'end-session', { id: '00000000-0000-4000-8000-000000000000' }],
  ['/account/sessions', 'end-other-sessions', {}],
  ['/account/data', 'export', {}],
  ['/account/data', 'delete-account', { email: ANN }],
]

/** What names can do to a page, in each place where one may stand: text, attribute, script, URL. */
const POLYGLOTS = [
  `"><script>alert(1)</script>`,
  `'-alert(1)-'`,
  `</title></textarea><svg/onload=alert(1)>`,
  `javascript:/*--></title></style></textarea></script><svg onload=1>`,
]

test('without a session every page and form leads to the login, and back from there', async () => {
  for (const start of [startHardenedApp, startTestApp]) {
    await using app = await start()
    const stranger = openBrowser(app)
    for (const path of Object.values(SECTION_PATHS))
      assertLeadsTo(await stranger.open(path), `/login?return_to=${encodeURIComponent(path)}`)
    assertLeadsTo(await stranger.open('/account/events?before=x'), `/login?return_to=${encodeURIComponent('/account/events?before=x')}`)
    const ann = await annsBrowser(app)
    await annsBrowser(app)
    for (const [path, action, fields] of FORMS) {
      const hidden = hiddenOf(await ann.open(path), action)
      const session = ann.cookies.get('session_id') ?? ''
      // It ends between the page and its form.
      await app.request('DELETE', '/sessions', { session })
      assertLeadsTo(await ann.post(action, { ...hidden, ...fields }), `/login?return_to=${encodeURIComponent(path)}`)
      ann.cookies.set('session_id', await app.logIn(ANN, GOOD_PASSWORD))
    }
  }
})

test('a form without its token, with a stranger’s or with that of another session does nothing (R086)', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const phone = await annsBrowser(app)
  const before = await app.auth.findUserBy({ email: ANN })
  const anonymous = openBrowser(app)
  anonymous.cookies.set('form_id', ann.cookies.get('form_id') ?? '')
  for (const [path, action, fields] of FORMS) {
    const { form_token: ofPhone = '' } = hiddenOf(await phone.open(path), action)
    await ann.open(path)
    for (const form_token of ['', 'x', ofPhone]) {
      const answer = await ann.post(action, { ...fields, form_token })
      assert.equal(answer.status, 403, action)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
    }
    // With the same form_id in both browsers it is still the token of another session.
    phone.cookies.set('form_id', ann.cookies.get('form_id') ?? '')
    const { form_token: sameId = '' } = hiddenOf(await phone.open(path), action)
    assert.equal((await ann.post(action, { ...fields, form_token: sameId })).status, 403, action)
    phone.cookies.delete('form_id')
  }
  assert.deepEqual(await app.auth.findUserBy({ email: ANN }), before)
  assert.equal((await phone.open('/account')).status, 200)
})

test('fields that a form does not have are refused, and change nothing', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const answer = await ann.send('/account', 'change-name', { name: 'Mallory', email_verified: 'true' })
  assert.equal(answer.status, 400)
  assert.equal((await app.auth.findUserBy({ email: ANN })).name, null)
})

test('what a person or a browser calls itself is text on every page, whatever it says (R221)', async () => {
  await using app = await startHardenedApp()
  for (const payload of POLYGLOTS) {
    const ann = await annsBrowser(app, 'en', `Firefox/1 Windows ${payload}`)
    await ann.send('/account', 'change-name', { name: payload.slice(0, 64) })
    const refused = await ann.send('/account', 'change-address', { email: payload })
    for (const page of [refused, ...(await Promise.all(Object.values(SECTION_PATHS).map(ann.open)))]) {
      assert.doesNotMatch(page.text, /<svg|<script>|<\/textarea>/)
      const scripts = [...page.text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)
      assert.deepEqual(scripts, ['<script src="/pages.js" defer>'])
    }
  }
})

test('pages of the account are kept by nobody, framed by nobody, and hold no inline script or style', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  for (const path of Object.values(SECTION_PATHS)) {
    const page = await ann.open(path)
    assert.equal(page.headers.get('cache-control'), 'no-store')
    assert.match(page.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
    assert.doesNotMatch(page.text, /<style|\sstyle=|\son\w+=/)
    assert.match(page.text, new RegExp(`href="${path}" aria-current="page"`))
    assert.match(page.text, /<form[^>]* action="\/forms\/logout"/)
  }
})

test('where the service has a prefix, every link, form and way back of the account is below it', async () => {
  await using app = await startHardenedApp({ BIENVENUE_PUBLIC_URL: 'http://localhost:5000/auth' })
  const ann = await annsBrowser(app)
  await annsBrowser(app)
  for (const path of Object.values(SECTION_PATHS)) {
    const page = await ann.open(path)
    for (const [, target = ''] of page.text.matchAll(/(?:href|src|action)="([^"]*)"/g))
      assert.match(target, /^(\/auth\/|#content$|data:,$)/)
  }
  assertLeadsTo(await ann.send('/account', 'change-name', { name: 'Ann' }), '/auth/account?done=name_saved')
  app.clock.advance(11 * 60)
  const back = encodeURIComponent('/auth/account/data')
  assertLeadsTo(await ann.send('/account/data', 'export'), `/auth/account/confirm?return_to=${back}`)
})
