import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { assertAccessible } from './accessibility.ts'
import { launchBrowser } from './browser.ts'
import { virtualAuthenticator } from './browser-passkeys.ts'
import { hardenedEnv, startTestApp } from './test-app.ts'

const GOOD_FORM = '<form><label>Name <input name="name" autocomplete="name"></label> <button>Send</button></form>'
const WITH_SCRIPTS = "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'; img-src *"

const PAGES: Record<string, { readonly body: string; readonly policy?: string; readonly status?: number }> = {
  '/': { body: GOOD_FORM },
  '/refused': { body: GOOD_FORM, status: 403 },
  '/broken': { body: GOOD_FORM, status: 500 },
  '/inline-style': { body: '<p style="color: green">green</p>' },
  '/outside': { body: '<img src="http://elsewhere.example/x.png" alt="">', policy: 'img-src *' },
  '/missing-part': { body: '<img src="/none.png" alt="">', policy: WITH_SCRIPTS },
  '/without-label': { body: '<form><input name="name"></form>' },
  '/throws': { body: '<script>console.error("said"); throw new Error("thrown")</script>', policy: WITH_SCRIPTS },
  '/writes': { body: '<p id="p">plain</p><script>p.textContent = "by script"</script>', policy: WITH_SCRIPTS },
}

const server = createServer((request, response) => {
  const found = PAGES[request.url ?? '']
  response.writeHead(found ? (found.status ?? 200) : 404, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': found?.policy ?? "default-src 'none'; form-action 'self'",
  })
  response.end(`<!doctype html><html lang="en"><title>Test</title><main><h1>Test</h1>${found?.body ?? ''}</main></html>`)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://localhost:${(server.address() as AddressInfo).port}` // It listens on no pipe.
const browser = await launchBrowser()
after(async () => {
  await browser[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

/** What is found on a page, by the words before the colon. */
async function problemsOf(path: string, javaScript = true): Promise<string[]> {
  await using visitor = await browser.newVisitor({ origin, javaScript })
  await visitor.page.goto(path)
  return visitor.problems
}

test('a good page and a refusal have no problems', async () => {
  assert.deepEqual(await problemsOf('/'), [])
  assert.deepEqual(await problemsOf('/refused'), [])
})

test('a broken answer and a missing part are found', async () => {
  assert.deepEqual(await problemsOf('/broken'), [`answer: 500 to GET ${origin}/broken`])
  assert.deepEqual(await problemsOf('/missing-part'), [`answer: 404 to GET ${origin}/none.png`])
})

test('what a content security policy stops is found, with scripts and without', async () => {
  for (const javaScript of [true, false]) {
    const problems = await problemsOf('/inline-style', javaScript)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^csp: .*style-src/s)
  }
})

test('a request to elsewhere is found, and does not leave this machine', async () => {
  assert.deepEqual(await problemsOf('/outside'), ['outside: GET http://elsewhere.example/x.png'])
})

test('what a script says and throws is found', async () => {
  assert.deepEqual((await problemsOf('/throws')).sort(), ['console: said', 'exception: thrown'])
})

test('a form that not everybody can use is found, with scripts and without', async () => {
  for (const javaScript of [true, false]) {
    await using visitor = await browser.newVisitor({ origin, javaScript })
    await visitor.page.goto('/without-label')
    await assert.rejects(assertAccessible(visitor.page), /label \(critical\)[\s\S]*<input name="name">/)
    assert.deepEqual(visitor.problems, [])
  }
  await using visitor = await browser.newVisitor({ origin })
  await visitor.page.goto('/')
  await assertAccessible(visitor.page)
})

test('with scripts off nothing runs, also after a look at accessibility', async () => {
  await using withScripts = await browser.newVisitor({ origin })
  await withScripts.page.goto('/writes')
  assert.equal(await withScripts.page.locator('p').textContent(), 'by script')
  await using without = await browser.newVisitor({ origin, javaScript: false })
  await without.page.goto('/writes')
  await assertAccessible(without.page)
  await without.page.goto('/writes')
  assert.equal(await without.page.locator('p').textContent(), 'plain')
})

test('a visitor has the window, the colours and the language that were asked for', async () => {
  await using visitor = await browser.newVisitor({ origin, viewport: { width: 320, height: 480 }, colorScheme: 'dark', locale: 'fr' })
  await visitor.page.goto('/')
  const seen = await visitor.page.evaluate(() => [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, navigator.language])
  assert.deepEqual(seen, [320, true, 'fr'])
})

test('a passkey is made, listed, used and removed', async () => {
  await using visitor = await browser.newVisitor({ origin })
  await visitor.page.goto('/')
  await using authenticator = await virtualAuthenticator(visitor.page)
  const use = () => visitor.page.evaluate(usePasskey)
  const id = await visitor.page.evaluate(makePasskey)
  assert.deepEqual(
    (await authenticator.passkeys()).map((passkey) => [passkey.id, passkey.rpId, passkey.userName]),
    [[id, 'localhost', 'ann']],
  )
  assert.equal(await use(), id)
  await authenticator.setUserVerified(false)
  assert.equal(await use(), 'NotAllowedError')
  await authenticator.setUserVerified(true)
  await authenticator.removePasskey(id)
  assert.deepEqual(await authenticator.passkeys(), [])
})

test('the service itself opens in a browser, in either posture', async () => {
  for (const env of [{}, hardenedEnv()]) {
    await using app = await startTestApp({ env, forBrowsers: true })
    assert.equal(app.config.publicUrl.origin, app.url)
    await using visitor = await browser.newVisitor({ origin: app.url })
    const response = await visitor.page.goto('/')
    assert.equal(response?.status(), 200)
    assert.equal(await visitor.page.evaluate(() => location.origin), app.url)
    assert.deepEqual(visitor.problems, [])
  }
})

// These two run in the page.

async function makePasskey(): Promise<string> {
  const made = await navigator.credentials.create({
    publicKey: {
      rp: { id: 'localhost', name: 'Test' },
      user: { id: new Uint8Array(64), name: 'ann', displayName: 'Ann' },
      challenge: new Uint8Array(32),
      pubKeyCredParams: [
        { type: 'public-key', alg: -8 },
        { type: 'public-key', alg: -7 },
      ],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    },
  })
  return made?.id ?? ''
}

async function usePasskey(): Promise<string> {
  try {
    const used = await navigator.credentials.get({
      publicKey: { challenge: new Uint8Array(32), rpId: 'localhost', userVerification: 'required', timeout: 500 },
    })
    return used?.id ?? ''
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}
