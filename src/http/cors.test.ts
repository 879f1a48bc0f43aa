import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'

const WITH_LIST = hardenedEnv({
  BIENVENUE_PUBLIC_URL: 'https://app.example.com',
  BIENVENUE_TRUSTED_PROXIES: 'none',
  BIENVENUE_ALLOWED_ORIGINS: 'https://www.example.com,https://shop.example.com:8443',
})

function ask(app: TestApp, method: string, path: string, headers: Record<string, string>): Promise<Response> {
  const request = new Request(`http://localhost${path}`, { method, headers: { host: 'app.example.com', ...headers } })
  return app.auth.fetch(request, { clientAddress: '203.0.113.9' })
}

function corsHeaders(answer: Response): string[] {
  return [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))
}

test('without a list no answer has a CORS header (R089)', async () => {
  await using app = await startTestApp()
  for (const method of ['GET', 'OPTIONS']) {
    const answer = await app.request(method, '/healthz', { headers: { origin: 'http://localhost:3000' } })
    assert.deepEqual(
      [...answer.headers.keys()].filter((name) => name.startsWith('access-control-')),
      [],
    )
  }
})

test('an origin on the list is echoed, to the letter, with credentials, on answers of every kind (R089)', async () => {
  await using app = await startTestApp({ env: WITH_LIST })
  for (const origin of ['https://www.example.com', 'https://shop.example.com:8443']) {
    for (const [method, path, status] of [
      ['GET', '/healthz', 200],
      ['GET', '/profile', 403],
      ['GET', '/nothing', 404],
      ['PUT', '/users', 405],
      ['GET', '/docs', 200],
      ['GET', '/style.css', 200],
      ['POST', '/sessions', 401],
    ] as const) {
      const answer = await ask(app, method, path, { origin })
      assert.equal(answer.status, status, path)
      assert.equal(answer.headers.get('access-control-allow-origin'), origin, path)
      assert.equal(answer.headers.get('access-control-allow-credentials'), 'true', path)
      assert.match(answer.headers.get('vary') ?? '', /\bOrigin\b/, path)
    }
  }
})

test('no other origin is ever approved, and caches are told that the answer differs (R089)', async () => {
  await using app = await startTestApp({ env: WITH_LIST })
  for (const origin of [
    'https://evil.example',
    'null',
    'https://sub.www.example.com',
    'https://www.example.com.evil.example',
    'http://www.example.com',
    'https://www.example.com:443',
    'https://WWW.example.com',
    'https://www.example.com, https://evil.example',
    'https://app.example.com',
    '*',
  ]) {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await ask(app, method, '/healthz', { origin, 'access-control-request-method': 'GET' })
      assert.deepEqual(corsHeaders(answer), [], `${method} ${origin}`)
      assert.match(answer.headers.get('vary') ?? '', /\bOrigin\b/, origin)
    }
  }
  assert.match((await ask(app, 'GET', '/healthz', {})).headers.get('vary') ?? '', /\bOrigin\b/, 'also without an Origin')
  assert.equal((await ask(app, 'GET', '/', {})).headers.get('vary'), 'Origin, Accept')
})

test('a preflight lists the methods the path really has, for ten minutes at most (R090)', async () => {
  await using app = await startTestApp({ env: WITH_LIST })
  const preflight = async (path: string, method: string) => {
    const answer = await ask(app, 'OPTIONS', path, { origin: 'https://www.example.com', 'access-control-request-method': method })
    return { status: answer.status, methods: answer.headers.get('access-control-allow-methods')?.split(', ') ?? [], answer }
  }
  const users = await preflight('/users', 'PUT')
  assert.equal(users.status, 204)
  assert.deepEqual(users.methods, ['POST', 'OPTIONS'], 'PUT is not approved')
  assert.equal(users.answer.headers.get('access-control-allow-headers'), 'Content-Type, Accept')
  assert.ok(Number(users.answer.headers.get('access-control-max-age')) <= 600)
  assert.equal(users.answer.headers.get('access-control-allow-origin'), 'https://www.example.com')
  assert.equal(await users.answer.text(), '')
  assert.deepEqual((await preflight('/sessions', 'DELETE')).methods.sort(), ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])
  assert.deepEqual((await preflight('/nothing', 'GET')).methods, [])
})

test('a callback parameter changes nothing: there is no JSONP (R091)', async () => {
  await using app = await startTestApp()
  const answer = await app.request('GET', '/healthz?callback=alert')
  assert.equal(answer.text, '{"status":"ok"}')
})
