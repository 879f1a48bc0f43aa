import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible } from '../accessibility.ts'
import { launchBrowser, screenshot } from '../browser.ts'
import { virtualAuthenticator } from '../browser-passkeys.ts'
import { GOOD_PASSWORD } from '../hardened-app.ts'
import { tokenIn } from '../mail-links.ts'
import { addPasskey, enrolTotp } from '../second-factors.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../test-app.ts'

const browser = await launchBrowser()
after(() => browser[Symbol.asyncDispose]())

const EMAIL = 'ann@example.com'

/** How it is looked at. The other two are for pictures (`SCREENSHOTS=1`, or `npm run screenshots`). */
const LOOKS = [
  { name: 'light-wide', colorScheme: 'light', viewport: { width: 1280, height: 800 }, locale: 'en-GB' },
  { name: 'dark-narrow', colorScheme: 'dark', viewport: { width: 320, height: 640 }, locale: 'fr-FR' },
  ...(process.env.SCREENSHOTS === '1'
    ? ([
        { name: 'dark-wide', colorScheme: 'dark', viewport: { width: 1280, height: 800 }, locale: 'en-GB' },
        { name: 'light-narrow', colorScheme: 'light', viewport: { width: 320, height: 640 }, locale: 'fr-FR' },
      ] as const)
    : []),
] as const

type Walk = readonly (readonly [name: string, go: (page: Page, app: TestApp) => Promise<unknown>])[]

const submit = (page: Page) => page.locator('main form:not([hidden]):not(.inline) button[type=submit]').first().click()

const BEFORE_LOGIN: Walk = [
  ['welcome', (page) => page.goto('/')],
  ['login', (page) => page.goto('/login?done=logged_out')],
  [
    'login-wrong',
    async (page) => {
      await page.fill('#email', EMAIL)
      await page.fill('#password', 'not it')
      await submit(page)
      await page.locator('.problem:visible').waitFor()
    },
  ],
  [
    'login-empty',
    async (page) => {
      await page.goto('/login')
      await submit(page)
      await page.locator('.error').first().waitFor()
    },
  ],
  ['login-code', (page) => page.goto('/login/code')],
  [
    'login-code-sent',
    async (page) => {
      await page.fill('#email', EMAIL)
      await submit(page)
      await page.locator('#code').waitFor()
    },
  ],
  ['register', (page) => page.goto('/register')],
  [
    'register-refused',
    async (page) => {
      await page.fill('#email', EMAIL)
      await page.fill('#password', 'short')
      await submit(page)
      await page.locator('.error').first().waitFor()
    },
  ],
  ['forgot', (page) => page.goto('/reset')],
  [
    'reset',
    async (page, app) => {
      await app.request('POST', '/reset_password', { json: { email: EMAIL } })
      await app.sendMails()
      await page.goto(`/reset?token=${tokenIn(app.mails.at(-1))}`)
    },
  ],
  ['verify', (page) => page.goto(`/verify?token=${'A'.repeat(43)}`)],
  ['verify-again', (page) => page.goto('/verify')],
  ['not-found', (page) => page.goto('/nothing/here')],
]

const ACCOUNT: Walk = [
  ['account', (page) => page.goto('/account')],
  ['security', (page) => page.goto('/account/security')],
  ['security-add-passkey', (page) => page.goto('/account/security/passkey')],
  ['security-app', (page) => page.goto('/account/security/app')],
  [
    'security-app-code',
    async (page) => {
      await submit(page)
      await page.locator('.qr').waitFor()
    },
  ],
  [
    'recovery-codes',
    async (page) => {
      await page.goto('/account/security')
      await page.locator('#recovery-codes button').click()
      await page.locator('.codes').waitFor()
    },
  ],
  ['sessions', (page) => page.goto('/account/sessions')],
  ['activity', (page) => page.goto('/account/events')],
  ['data', (page) => page.goto('/account/data')],
  [
    'confirm',
    async (page, app) => {
      app.clock.advance(660)
      await page.goto('/account/confirm')
    },
  ],
  [
    'second-factor',
    async (page) => {
      await page.context().clearCookies()
      await page.goto('/login')
      await page.fill('#email', EMAIL)
      await page.fill('#password', GOOD_PASSWORD)
      await submit(page)
      await page.locator('#totp_code').waitFor()
    },
  ],
]

/** Goes from page to page and looks at each. */
async function lookAt(walk: Walk, page: Page, app: TestApp, look: (typeof LOOKS)[number]): Promise<void> {
  for (const [name, go] of walk) {
    await go(page, app)
    await assertAccessible(page)
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    assert.ok((wide ?? 0) <= (shown ?? 0), `${name} is ${wide} pixels wide on a screen of ${shown}`)
    assert.equal(await page.locator('html').getAttribute('lang'), look.locale.slice(0, 2))
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0, 'nothing is kept in the browser (R224)')
    await screenshot(page, `${name}-${look.name}`)
  }
}

for (const look of LOOKS) {
  test(`every page is accessible, fits, keeps to itself and breaks no rule of its policy: ${look.name} (R216, R223, R224)`, async () => {
    await using app = await startTestApp({ env: hardenedEnv(), forBrowsers: true })
    await app.addVerified(EMAIL, GOOD_PASSWORD)
    await using visitor = await browser.newVisitor({ origin: app.url, ...look })
    const { page } = visitor
    await lookAt(BEFORE_LOGIN, page, app, look)
    const { session } = await addPasskey(app, (await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))).session)
    await page.context().addCookies([{ name: 'session_id', value: session, url: app.url }])
    await using _device = await virtualAuthenticator(page)
    await lookAt(ACCOUNT, page, app, look)
    assert.deepEqual(visitor.problems, [])
  })
}

test('so are the mailbox of classic, the way in where a second factor is required, and an operator’s own colours', async () => {
  const [look] = LOOKS
  await using classic = await startTestApp({ forBrowsers: true })
  await classic.register(EMAIL, GOOD_PASSWORD)
  await classic.sendMails()
  await using atClassic = await browser.newVisitor({ origin: classic.url, ...look })
  await lookAt([['mailbox', (page) => page.goto('/dev/mailbox')]], atClassic.page, classic, look)

  const env = hardenedEnv({ BIENVENUE_SECOND_FACTOR: 'required', BIENVENUE_ACCENT: '#ffd400', BIENVENUE_NAME: 'Café "Soleil" & Co' })
  await using strict = await startTestApp({ env, forBrowsers: true })
  await strict.addVerified(EMAIL, GOOD_PASSWORD)
  await using atStrict = await browser.newVisitor({ origin: strict.url, ...look })
  const toSecond = async (page: Page) => {
    await page.goto('/login')
    await page.fill('#email', EMAIL)
    await page.fill('#password', GOOD_PASSWORD)
    await submit(page)
    await page.locator('form[action$="/forms/begin-app-at-login"]').waitFor()
  }
  await lookAt([['add-factor', toSecond]], atStrict.page, strict, look)
  assert.deepEqual([...atClassic.problems, ...atStrict.problems], [])
})

test('the first paint of /login takes two requests beside the page, and at most 30 kB', async () => {
  await using app = await startTestApp({ env: hardenedEnv(), forBrowsers: true })
  await using visitor = await browser.newVisitor({ origin: app.url })
  const { page } = visitor
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Network.enable')
  let bytes = 0
  let requests = 0
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
    requests++
  })
  await page.goto('/login', { waitUntil: 'networkidle' })
  assert.equal(requests, 3)
  assert.ok(bytes <= 30_000, `${bytes} bytes`)
})
