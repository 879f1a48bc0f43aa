import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'

const HARDENED = hardenedEnv({
  BIENVENUE_PUBLIC_URL: 'https://app.example.com',
  BIENVENUE_TRUSTED_PROXIES: 'none',
  BIENVENUE_ALLOWED_ORIGINS: 'https://www.example.com',
})

/** Every route that changes something, as the service itself lists them. */
async function unsafeRoutes(app: TestApp): Promise<(readonly [method: string, path: string])[]> {
  const { json } = await app.request('GET', '/openapi.json', { headers: { host: 'localhost' } })
  const routes = Object.entries(json.paths as Record<string, object>).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => method !== 'get')
      .map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'some-id')] as const),
  )
  assert.ok(routes.length >= 8, 'the list of routes is not empty')
  return routes
}

async function ask(app: TestApp, method: string, path: string, headers: Record<string, string>) {
  const answer = await app.auth.fetch(
    new Request(`http://localhost${path}`, { method, headers: { host: 'app.example.com', ...headers } }),
    {
      clientAddress: '203.0.113.9',
    },
  )
  const error = /"error":"(\w+)"/.exec(await answer.text())?.[1]
  return { status: answer.status, error, headers: answer.headers }
}

test('a page on another site reaches no route that changes something (R083, R087)', async () => {
  await using app = await startTestApp({ env: HARDENED })
  for (const [method, path] of await unsafeRoutes(app)) {
    for (const site of ['cross-site', 'same-site', 'Same-Origin', 'same-origin, cross-site', '', 'whatever']) {
      const { status, error, headers } = await ask(app, method, path, { 'sec-fetch-site': site, origin: 'https://app.example.com' })
      assert.deepEqual([status, error], [403, 'cross_site_refused'], `${method} ${path} from ${site}`)
      assert.equal(headers.get('set-cookie'), null)
    }
  }
})

test("the service's own pages, and what the user typed, reach every route (R083)", async () => {
  await using app = await startTestApp({ env: HARDENED })
  for (const [method, path] of await unsafeRoutes(app)) {
    for (const site of ['same-origin', 'none'])
      assert.notEqual(
        (await ask(app, method, path, { 'sec-fetch-site': site })).error,
        'cross_site_refused',
        `${method} ${path} from ${site}`,
      )
  }
})

test('without Fetch Metadata the Origin is compared to the letter (R084)', async () => {
  await using app = await startTestApp({ env: HARDENED })
  const foreign = [
    'null',
    '',
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://app.example.com:443',
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'https://sub.app.example.com',
    'https://APP.example.com',
    'https://app.example.com/',
    'https://app.example.com, https://evil.example',
    'https://app.example.com@evil.example',
  ]
  for (const [method, path] of await unsafeRoutes(app)) {
    for (const origin of foreign)
      assert.deepEqual([(await ask(app, method, path, { origin })).error], ['cross_site_refused'], `${method} ${path} from ${origin}`)
    assert.notEqual((await ask(app, method, path, { origin: 'https://app.example.com' })).error, 'cross_site_refused')
  }
})

test('the Host says nothing about who may ask: an Origin equal to it is still foreign (R084)', async () => {
  await using app = await startTestApp()
  const { port } = new URL(app.url)
  // Classic: the public URL is http://localhost:5000, the listener is on another port.
  for (const origin of [app.url, `http://localhost:${port}`, 'https://localhost:5000', 'http://localhost', 'http://127.0.0.1:5000']) {
    const answer = await app.request('POST', '/users', { form: { email: 'bob@bob.com', password: 'x' }, headers: { origin } })
    assert.deepEqual([answer.status, answer.json.error], [403, 'cross_site_refused'], origin)
  }
  const own = await app.request('POST', '/users', {
    form: { email: 'bob@bob.com', password: 'x' },
    headers: { origin: 'http://localhost:5000' },
  })
  assert.equal(own.status, 200)
})

test('an allowed origin passes whatever Fetch Metadata says; its relatives do not (R083)', async () => {
  await using app = await startTestApp({ env: HARDENED })
  for (const site of ['cross-site', 'same-site']) {
    const asked = (origin: string) => ask(app, 'POST', '/sessions', { origin, 'sec-fetch-site': site })
    assert.equal((await asked('https://www.example.com')).error, 'login_refused')
    for (const origin of ['https://example.com', 'http://www.example.com', 'https://www.example.com:8443', 'https://x.www.example.com'])
      assert.equal((await asked(origin)).error, 'cross_site_refused', origin)
  }
})

test('a client that is no browser sends neither header, and passes (R085)', async () => {
  await using app = await startTestApp({ env: HARDENED })
  for (const [method, path] of await unsafeRoutes(app))
    assert.notEqual((await ask(app, method, path, {})).error, 'cross_site_refused', `${method} ${path}`)
})

test('reading is open to links from other sites', async () => {
  await using app = await startTestApp({ env: HARDENED })
  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    assert.ok((await ask(app, method, '/healthz', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })).status < 300, method)
})

test('a cross-site request is refused before its body is read (R083)', async () => {
  await using app = await startTestApp({ env: HARDENED })
  let read = false
  const body = new ReadableStream(
    {
      pull(controller) {
        read = true
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const init = {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { host: 'app.example.com', 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' },
  }
  assert.equal((await app.auth.fetch(new Request('http://localhost/users', init))).status, 403)
  assert.equal(read, false)
})

test('a cross-site login logs nobody in, with the right password too (R087)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const form = { email: 'bob@bob.com', password: 'mySuperPwd' }
  const answer = await app.request('POST', '/sessions', { form, headers: { 'sec-fetch-site': 'cross-site' } })
  assert.equal(answer.status, 403)
  assert.equal(answer.headers.get('set-cookie'), null)
})
