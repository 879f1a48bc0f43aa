import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser } from '../page-browser.ts'
import { BAD_TARGETS, GOOD_TARGETS, RETURN_ENV } from '../return-targets.ts'
import { startTestApp, type TestApp, type TestResponse } from '../test-app.ts'

const EMAIL = 'ann@example.com'
const PASSWORD = 'mySuperPwd'
const ACCOUNT = '/auth/account'

/** The parameter in every place that ends in a `Location`, or that is handed on to one. */
function placesOf(app: TestApp, session: string): Record<string, (target: string) => Promise<TestResponse>> {
  const query = (target: string) => `return_to=${encodeURIComponent(target.toWellFormed())}`
  const opened = openBrowser(app).get('/auth/login')
  return {
    'GET /login with a session': (target) =>
      app.request('GET', `/auth/login?${query(target)}`, { session, headers: { accept: 'text/html' } }),
    'POST /forms/login, the field': async (target) => {
      const page = await opened
      const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? ''
      const form_token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
      return app.request('POST', '/auth/forms/login', {
        form: { form_token, email: EMAIL, password: PASSWORD, return_to: target },
        headers: { cookie },
      })
    },
    'GET /login, then its form': (target) =>
      openBrowser(app).submit(`/auth/login?${query(target)}`, 'login', { email: EMAIL, password: PASSWORD }),
  }
}

test('Better Auth CVE-2024-56734, CVE-2025-27143 and CVE-2025-71403, next-auth CVE-2022-24858, Pocket ID CVE-2026-28512: no parameter leads away from us and those on the list (R211, R212, R214, R215)', async () => {
  await using app = await startTestApp({ env: RETURN_ENV })
  await app.auth.registerUser(EMAIL, PASSWORD)
  const session = (await app.auth.createSession(EMAIL)) ?? ''
  for (const [what, send] of Object.entries(placesOf(app, session))) {
    // Half a surrogate pair does not survive its way into a URL or a form.
    for (const target of BAD_TARGETS.filter((one) => one.isWellFormed())) {
      const answer = await send(target)
      const about = `${what} ${JSON.stringify(target.slice(0, 60))}`
      assert.equal(answer.status, 303, about)
      assert.equal(answer.headers.get('location'), ACCOUNT, about)
    }
    // The test can fail: what is allowed is followed.
    for (const [target, url] of GOOD_TARGETS.slice(0, what.startsWith('GET /login with') ? GOOD_TARGETS.length : 3))
      assert.equal((await send(target)).headers.get('location'), url, `${what} ${target}`)
  }
})

test('no page hands a stranger’s address on to the next one', async () => {
  await using app = await startTestApp({ env: RETURN_ENV })
  const browser = openBrowser(app)
  for (const target of BAD_TARGETS.filter((one) => /evil/.test(one))) {
    for (const path of ['/login', '/login/code', '/register', '/reset', '/verify']) {
      const { text, status } = await browser.get(`/auth${path}?return_to=${encodeURIComponent(target)}`)
      assert.equal(status, 200)
      assert.ok(!text.includes('evil'), `${path} ${target}`)
    }
  }
  for (const path of ['/login', '/login/code', '/register', '/reset', '/verify'])
    assert.ok((await browser.get(`/auth${path}?return_to=http://localhost:3000/cart`)).text.includes('localhost%3A3000%2Fcart'), path)
})
