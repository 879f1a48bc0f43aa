import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'

const API = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-request-id': 'ID',
}
const JSON_API = { ...API, 'content-type': 'application/json' }
const PAGE = {
  ...API,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), publickey-credentials-create=(self), publickey-credentials-get=(self)',
}

const REQUEST_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Every header but those of the transport, with the request id replaced by a word. */
function headersOf(answer: { headers: Headers }): Record<string, string> {
  const headers = Object.fromEntries(answer.headers)
  for (const name of ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding']) delete headers[name]
  if (REQUEST_ID.test(headers['x-request-id'] ?? '')) headers['x-request-id'] = 'ID'
  return headers
}

async function breakSessions(app: TestApp): Promise<void> {
  await app.auth.deps.database.inTransaction((tx) => tx.schema.dropTable('sessions').execute())
}

test('every kind of answer has exactly these headers (R216, R217, R218, R220)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const session = await app.logIn('bob@bob.com', 'mySuperPwd')
  const other = await app.logIn('bob@bob.com', 'mySuperPwd')
  const html = { headers: { accept: 'text/html' } }
  const cleared = { 'set-cookie': 'session_id=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0' }

  const expected: [what: string, status: number, answer: { status: number; headers: Headers }, headers: Record<string, string>][] = [
    ['JSON', 200, await app.request('GET', '/profile', { session }), JSON_API],
    ['the greeting', 200, await app.request('GET', '/'), { ...JSON_API, vary: 'Accept' }],
    ['a page', 200, await app.request('GET', '/', html), { ...PAGE, vary: 'Accept-Language, Accept' }],
    ['the reference', 200, await app.request('GET', '/docs'), PAGE],
    [
      'the stylesheet',
      200,
      await app.request('GET', '/style.css'),
      {
        ...PAGE,
        'content-type': 'text/css; charset=utf-8',
        'cache-control': 'public, max-age=300',
        vary: 'Accept-Encoding',
        'content-encoding': 'gzip',
      },
    ],
    ['a redirect', 302, await app.request('DELETE', '/sessions', { session: other }), { ...API, ...cleared, location: '/' }],
    ['options', 204, await app.request('OPTIONS', '/profile'), { ...API, allow: 'GET, HEAD, OPTIONS' }],
    ['malformed', 400, await app.request('POST', '/users'), JSON_API],
    ['refused', 401, await app.request('POST', '/sessions'), JSON_API],
    ['no session', 403, await app.request('GET', '/profile'), JSON_API],
    ['not found', 404, await app.request('GET', '/nothing'), JSON_API],
    ['not found, as a page', 404, await app.request('GET', '/nothing', html), { ...PAGE, vary: 'Accept-Language' }],
    ['not allowed', 405, await app.request('PUT', '/profile'), { ...JSON_API, allow: 'GET, HEAD, OPTIONS' }],
    ['too large', 413, await app.request('POST', '/users', { form: { x: 'a'.repeat(20_000) } }), JSON_API],
    ['text', 415, await app.request('POST', '/users', { body: 'x' }), JSON_API],
  ]
  await breakSessions(app)
  expected.push(['a bug', 500, await app.request('GET', '/profile', { session }), JSON_API])
  for (const [what, status, answer, headers] of expected) {
    assert.equal(answer.status, status, what)
    assert.deepEqual(headersOf(answer), headers, what)
  }
})

test('a busy service says when to come back', async () => {
  await using app = await startTestApp()
  const { hashQueue } = app.auth.deps
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  // Fill every slot and every place in the queue; the one that is refused says that it is full.
  const jobs: Promise<unknown>[] = []
  let full = false
  while (!full) {
    const job = hashQueue.run(() => held)
    const settled = await Promise.race([
      job.then(
        () => 'done',
        () => 'refused',
      ),
      Promise.resolve('waiting'),
    ])
    if (hashQueue.waiting === jobs.length - hashQueue.running) full = true
    jobs.push(job.catch(() => {}))
    if (settled === 'refused') full = true
  }
  const answer = await app.request('POST', '/users', { form: { email: 'bob@bob.com', password: 'x' } })
  release()
  await Promise.all(jobs)
  assert.deepEqual([answer.status, answer.json.error, answer.headers.get('retry-after')], [503, 'busy', '1'])
})

test('request ids are never repeated, and never taken from the request', async () => {
  await using app = await startTestApp()
  const ids = new Set<string>()
  for (let count = 0; count < 20; count++) {
    const answer = await app.request('GET', '/healthz', { headers: { 'x-request-id': 'chosen-by-the-client' } })
    const id = answer.headers.get('x-request-id') ?? ''
    assert.match(id, REQUEST_ID)
    ids.add(id)
  }
  assert.equal(ids.size, 20)
})

test('only the service itself, and only on https, tells browsers to stay with https (R219)', async () => {
  const https = hardenedEnv({ BIENVENUE_PUBLIC_URL: 'https://app.example.com', BIENVENUE_TRUSTED_PROXIES: 'none' })
  for (const [form, env, expected] of [
    ['service', https, 'max-age=31536000'],
    ['library', https, null],
    ['service', hardenedEnv(), null],
    ['service', {}, null],
  ] as const) {
    await using app = await startTestApp({ env, form })
    for (const [path, accept] of [
      ['/', 'text/html'],
      ['/healthz', '*/*'],
      ['/profile', '*/*'],
      ['/nothing', '*/*'],
      ['/style.css', '*/*'],
    ] as const) {
      const answer = await app.request('GET', path, { headers: { accept } })
      assert.equal(answer.headers.get('strict-transport-security'), expected, `${form} ${app.config.publicUrl.origin} ${path}`)
    }
  }
})

test('nothing tells what the service is made of (R218)', async () => {
  await using app = await startTestApp()
  for (const path of ['/', '/docs', '/profile', '/nothing']) {
    const { headers } = await app.request('GET', path)
    for (const name of ['server', 'x-powered-by', 'via', 'x-aspnet-version']) assert.equal(headers.get(name), null, `${path} ${name}`)
  }
})

test('pages may load and run nothing but our own style: no inline script or style, no other host (R216, R223)', async () => {
  await using app = await startTestApp()
  for (const path of ['/', '/docs']) {
    const { text, headers } = await app.request('GET', path, { headers: { accept: 'text/html' } })
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|\*|https?:/)
    assert.doesNotMatch(text, /<script|<style|<iframe|<object|<embed|<base| style=| on\w+=|javascript:/i, path)
    for (const [, target] of text.matchAll(/(?:href|src|action)="([^"]*)"/g))
      assert.match(target ?? '', /^(#content$|\/(?!\/)|data:,$)/, `${path} ${target}`)
  }
})
