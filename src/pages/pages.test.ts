import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { openBrowser } from '../../test/page-browser.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { startTestApp, type TestApp, type TestAppOptions } from '../../test/test-app.ts'
import { TEXTS } from './texts/texts.ts'

const TOKEN = 'A'.repeat(43)
/** Every page before the login, with what its heading says in both languages. */
const PAGES: readonly (readonly [path: string, en: string, fr: string])[] = [
  ['/login', TEXTS.en.login.title, TEXTS.fr.login.title],
  ['/login/code', TEXTS.en.loginCode.title, TEXTS.fr.loginCode.title],
  [`/login?token=${TOKEN}`, TEXTS.en.links.login.title, TEXTS.fr.links.login.title],
  ['/register', TEXTS.en.register.title, TEXTS.fr.register.title],
  ['/reset', TEXTS.en.forgot.title, TEXTS.fr.forgot.title],
  [`/reset?token=${TOKEN}`, TEXTS.en.links.reset.title, TEXTS.fr.links.reset.title],
  ['/verify', TEXTS.en.verifyAgain.title, TEXTS.fr.verifyAgain.title],
  [`/verify?token=${TOKEN}`, TEXTS.en.links.verify.title, TEXTS.fr.links.verify.title],
  [`/account/email?token=${TOKEN}`, TEXTS.en.links.address.title, TEXTS.fr.links.address.title],
  [`/account/email/undo?token=${TOKEN}`, TEXTS.en.links.undo.title, TEXTS.fr.links.undo.title],
  ['/', 'Bienvenue', 'Bienvenue'],
  ['/dev/mailbox', TEXTS.en.mailbox.title, TEXTS.fr.mailbox.title],
  ['/nothing', TEXTS.en.common.notFound, TEXTS.fr.common.notFound],
]

test('every page is there in both languages: as the browser wants it, or as the operator set it', async () => {
  await using app = await startTestApp()
  await using french = await startTestApp({ env: { BIENVENUE_LANGUAGE: 'fr' } })
  for (const [path, en, fr] of PAGES) {
    for (const [service, language, title, lang] of [
      [app, 'en-GB', en, 'en'],
      [app, 'de, fr;q=0.9, en;q=0.8', fr, 'fr'],
      [app, 'de', en, 'en'],
      [french, 'en', fr, 'fr'],
    ] as const) {
      const { status, text, headers } = await openBrowser(service, language).get(path)
      assert.equal(status, path === '/nothing' ? 404 : 200, path)
      assert.match(headers.get('vary') ?? '', /\bAccept-Language\b/)
      assert.ok(text.includes(`<html lang="${lang}">`), `${path} ${language}`)
      const heading = title.replaceAll("'", '&#39;')
      assert.ok(text.includes(`<h1>${heading}</h1>`), `${path} ${language} ${title}`)
      assert.ok(text.includes(`<title>${heading === 'Bienvenue' ? heading : `${heading} · Bienvenue`}</title>`), path)
      assert.doesNotMatch(text, /undefined|\[object|function/, path)
    }
  }
})

test('no page has an inline script or style, or anything of another host; every form has its token and our one script (R086, R216, R223)', async () => {
  await using app = await startTestApp()
  const browser = openBrowser(app)
  await browser.submit('/register', 'register', { email: 'ann@example.com', password: 'pw' })
  const refusals = [
    await browser.submit('/login', 'login', { email: 'ann@example.com', password: 'no' }),
    await browser.submit('/register', 'register', { email: 'ann@example.com', password: '' }),
    await browser.submit('/login/code', 'request-login-code', { email: 'ann@example.com' }),
  ]
  const pages = [...(await Promise.all(PAGES.map(([path]) => browser.get(path)))), ...refusals]
  for (const { text, headers } of pages) {
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self'; style-src 'self';/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.doesNotMatch(text, /<style|\sstyle=|\son\w+=|<iframe|<object|<embed|<base|javascript:/i)
    assert.doesNotMatch(text.replace('<script src="/pages.js" defer></script>', ''), /<script/)
    const pointers = [...text.matchAll(/(?:href|src|action|formaction)="([^"]*)"/g)].map(([, target]) => target ?? '')
    for (const target of pointers) assert.match(target, /^(#content$|\/(?!\/)|data:,$|http:\/\/localhost:5000\/)/)
    const forms = text.match(/<form /g)?.length ?? 0
    assert.equal(text.match(/name="form_token" value="[0-9a-f]{64}"/g)?.length ?? 0, forms)
    if (forms > 0) assert.ok(text.includes('<script src="/pages.js" defer></script>'))
    assert.equal(text.match(/<h1>/g)?.length, 1)
    assert.equal(text.match(/<a class="skip" href="#content">/g)?.length, 1)
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    assert.equal(new Set(ids).size, ids.length)
  }
})

test('password managers know the fields, passwords can be pasted and shown, and no field cuts a password short (R014)', async () => {
  await using app = await startTestApp()
  const browser = openBrowser(app)
  const inputsOf = async (path: string) => {
    const { text } = await browser.get(path)
    assert.doesNotMatch(text, /maxlength|onpaste|autocomplete="off"/)
    const inputs = [...text.matchAll(/<input id="([^"]+)"[^>]*?type="(\w+)"[^>]*?autocomplete="([^"]+)"/g)]
    for (const [, id, type] of inputs) {
      assert.ok(text.includes(`<label for="${id}">`), `${path} ${id}`)
      if (type === 'password')
        assert.match(text, new RegExp(`<button type="button" aria-controls="${id}" data-show="Show" data-hide="Hide" hidden>`))
    }
    return inputs.map(([, , type, autocomplete]) => `${type} ${autocomplete}`)
  }
  assert.deepEqual(await inputsOf('/login'), ['email username webauthn', 'password current-password'])
  assert.deepEqual(await inputsOf('/register'), ['email username', 'password new-password'])
  assert.deepEqual(await inputsOf('/reset'), ['email username'])
  assert.deepEqual(await inputsOf(`/reset?token=${TOKEN}`), ['password new-password'])
  assert.deepEqual(await inputsOf(`/verify?token=${TOKEN}`), ['password current-password'])
})

const compressed = (app: TestApp, path: string) =>
  fetch(`${app.url}${path}`, { headers: { 'accept-encoding': 'gzip', accept: 'text/html' } })

test('the first sight of the login is two files beside the page, and at most 30 kB together', async () => {
  await using app = await startTestApp()
  const page = await compressed(app, '/login')
  const text = await page.text()
  const files = [...text.matchAll(/(?:href|src)="(\/[\w./]+\.(?:css|js)|\/logo)"/g)].map(([, path]) => path ?? '')
  assert.deepEqual(files, ['/style.css', '/pages.js'])
  let bytes = Buffer.byteLength(text)
  for (const path of files) {
    const file = await compressed(app, path)
    assert.deepEqual([file.headers.get('content-encoding'), file.headers.get('vary')], ['gzip', 'Accept-Encoding'])
    bytes += Number(file.headers.get('content-length'))
  }
  assert.ok(bytes > 4_000 && bytes <= 30_000, `${bytes}`)
})

test('files are compressed for those who take it, and are the same for others', async () => {
  await using app = await startTestApp()
  for (const path of ['/style.css', '/pages.js']) {
    const ask = (encoding: string) =>
      app.auth.fetch(new Request(`http://localhost:5000${path}`, { headers: { 'accept-encoding': encoding } }), {
        clientAddress: '127.0.0.1',
      })
    const plain = Buffer.from(await (await ask('identity')).arrayBuffer())
    for (const none of ['', 'br', 'gzip;q=0', 'gzip; q=0.0', 'xgzip'])
      assert.equal((await ask(none)).headers.get('content-encoding'), null, none)
    for (const taken of ['gzip', 'br, gzip', 'gzip;q=0.5', 'GZIP']) {
      const answer = await ask(taken)
      assert.equal(answer.headers.get('content-encoding'), 'gzip', taken)
      assert.ok(gunzipSync(Buffer.from(await answer.arrayBuffer())).equals(plain))
    }
  }
})

const NASTY_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><image href="https://evil.example/x.png"/><style>*{fill:red}</style></svg>'

async function withLogo(content: string, use: (app: TestApp) => Promise<void>, options: TestAppOptions = {}): Promise<void> {
  await using folder = await temporaryDirectory()
  const path = join(folder.path, 'logo.svg')
  writeFileSync(path, content)
  await using app = await startTestApp({ ...options, env: { ...options.env, BIENVENUE_LOGO: path } })
  await use(app)
}

test('the operator’s name, logo and accent stand on every page, and inject nothing (R221, R225)', async () => {
  const env = { BIENVENUE_NAME: '"><script>alert(1)</script>', BIENVENUE_ACCENT: '#0f766e' }
  await withLogo(
    NASTY_SVG,
    async (app) => {
      for (const [path] of PAGES) {
        const { text } = await openBrowser(app).get(path)
        assert.ok(text.includes('<img class="logo" src="/logo" alt="">'), path)
        assert.ok(text.includes('<span>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</span>'), path)
        assert.doesNotMatch(text, /<script>/)
        assert.doesNotMatch(text, /evil\.example/)
      }
      const logo = await app.request('GET', '/logo')
      assert.equal(logo.text, NASTY_SVG)
      assert.equal(logo.headers.get('content-type'), 'image/svg+xml')
      assert.equal(logo.headers.get('content-security-policy'), "default-src 'none'; style-src 'unsafe-inline'; sandbox")
      assert.equal(logo.headers.get('x-content-type-options'), 'nosniff')
      const style = (await app.request('GET', '/style.css')).text
      assert.match(style, /^:root \{ --accent: #0f766e; --on-accent: #ffffff; --link: #0f766e \}\n/)
      assert.doesNotMatch(style, /@import|url\(|<\//)
    },
    { env },
  )
  for (const accent of ['red', '#fff', '#0f766e;}', '#0f766e} body{background:url(//evil.example)', 'url(x)', '#0f766e/**/'])
    await assert.rejects(startTestApp({ env: { BIENVENUE_ACCENT: accent } }), { code: 'configuration_invalid' }, accent)
})

test('without a logo there is no such file, and the first letter of the name stands in its place', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_NAME: 'élan' } })
  assert.equal((await app.request('GET', '/logo')).status, 404)
  assert.match((await openBrowser(app).get('/login')).text, /<span class="logo letter" aria-hidden="true">É<\/span><span>élan<\/span>/)
})

test('of a mail in the mailbox only links to this service can be followed', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_NAME: 'See https://evil.example/x http://localhost:5000.evil.example/' } })
  await app.register('ann@example.com', 'pw')
  await app.sendMails()
  const { text } = await openBrowser(app).get('/dev/mailbox')
  const links = [...text.matchAll(/<a href="(https?:[^"]*)"/g)].map(([, target]) => target ?? '')
  assert.ok(links.length > 0 && links.every((target) => target.startsWith('http://localhost:5000/verify?token=')), links.join())
  assert.ok(text.includes('https://evil.example/x'))
})
