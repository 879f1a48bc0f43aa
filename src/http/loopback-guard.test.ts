import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawGet, rawRequest } from '../../test/raw-request.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'

const FOREIGN_HOSTS = [
  'evil.example',
  'evil.example:5000',
  '192.168.1.10',
  '192.168.1.10:5000',
  '10.0.0.1',
  '128.0.0.1',
  '[::2]',
  '[fe80::1]',
  'localhost.evil.com',
  'localhost@evil.example',
  'evil.example@localhost',
  'localhost:5000@evil.example',
  'localhost/evil.example',
  'localhost,evil.example',
  'localhost evil.example',
  'localhost:80:80',
  'localhost:',
  'localhost.',
  'notlocalhost',
  '127.0.0.1.nip.io',
  '127.1',
  '0x7f000001',
  '2130706433',
  '0.0.0.1',
  '[::1',
  '[localhost]',
  'app.local',
  '*',
]

/** Ask the handler itself, as from any peer. */
async function ask(app: TestApp, headers: Record<string, string>, clientAddress?: string, path = '/healthz') {
  const request = new Request(`http://localhost${path}`, { headers: { host: 'localhost', ...headers } })
  const answer = await app.auth.fetch(request, { clientAddress })
  return { status: answer.status, body: await answer.json() }
}

test('classic answers under every name of this machine, on any port', async () => {
  await using app = await startTestApp()
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.10', '[::1]', '0.0.0.0']) {
    for (const port of ['', ':80', ':5000', ':65000']) {
      assert.equal((await rawGet(app.url, '/healthz', `${host}${port}`)).status, 200, `${host}${port}`)
    }
  }
})

test('classic refuses every other Host with 421, and says what to set', async () => {
  await using app = await startTestApp()
  for (const host of FOREIGN_HOSTS) {
    const answer = await rawGet(app.url, '/healthz', host)
    assert.equal(answer.status, 421, host)
    assert.match(answer.body, /"error":"host_refused".*BIENVENUE_PUBLIC_URL/, host)
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/, host)
  }
})

test('classic refuses a request without a Host, with an empty one, and with two', async () => {
  await using app = await startTestApp()
  assert.equal((await rawGet(app.url, '/healthz', null)).status, 421, 'HTTP/1.0 without Host')
  assert.equal((await rawGet(app.url, '/healthz', '')).status, 421, 'empty')
  assert.equal((await rawGet(app.url, '/healthz', 'localhost', ['Host: evil.example'])).status, 421, 'a foreign one behind')
  assert.equal((await rawGet(app.url, '/healthz', 'evil.example', ['Host: localhost'])).status, 421, 'a foreign one in front')
  // RFC 9112 section 3.2: 400, by Node itself.
  assert.equal((await rawRequest(app.url, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n')).status, 400, 'HTTP/1.1 without Host')
})

test('a request target with a host in it is no way around the Host', async () => {
  await using app = await startTestApp()
  for (const target of ['http://evil.example/healthz', 'http://localhost/healthz', '/\\evil.example/healthz', '*']) {
    const answer = await rawRequest(app.url, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    assert.equal(answer.status, 404, target)
    assert.match(answer.body, /"error":"not_found"/, target)
  }
})

test('classic refuses an Origin that is not this machine, also on reads', async () => {
  await using app = await startTestApp()
  const foreign = [
    'https://evil.example',
    'http://localhost.evil.com',
    'http://localhost@evil.example',
    'http://evil.example:5000',
    'http://192.168.1.10',
    'null',
    '',
    'localhost',
    'http://localhost, http://evil.example',
    'http://localhost/, http://evil.example',
    'http://localhost:5000/path',
    'file://',
    'chrome-extension://abcdef',
  ]
  for (const origin of foreign) {
    const { status, body } = await ask(app, { origin }, '127.0.0.1')
    assert.deepEqual([status, body.error], [403, 'loopback_only'], origin)
    assert.match(body.message, /BIENVENUE_PUBLIC_URL/, origin)
  }
  for (const origin of ['http://localhost:5000', 'http://localhost:3000', 'http://127.0.0.1', 'https://[::1]:8443', 'http://0.0.0.0:5000'])
    assert.equal((await ask(app, { origin }, '127.0.0.1')).status, 200, origin)
})

test('classic refuses what a proxy says came from elsewhere', async () => {
  await using app = await startTestApp()
  for (const name of ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip']) {
    const foreign = [
      '203.0.113.9',
      'evil.example',
      '127.0.0.1, 203.0.113.9',
      '203.0.113.9, 127.0.0.1',
      '::1,2001:db8::1',
      'localhost,evil.example',
      'localhost@evil.example',
      'unknown',
      '_hidden',
      '127.0.0.1,',
      ',127.0.0.1',
      '127.0.0.1 203.0.113.9',
      '"127.0.0.1"',
      '',
    ]
    for (const value of foreign) {
      const { status, body } = await ask(app, { [name]: value }, '127.0.0.1')
      assert.deepEqual([status, body.error], [403, 'loopback_only'], `${name}: ${value}`)
      assert.match(body.message, /BIENVENUE_PUBLIC_URL/)
    }
    for (const value of ['127.0.0.1', '127.0.0.1, 127.0.0.2', '::1', '[::1]:4711', 'localhost:5000', '::ffff:127.0.0.1'])
      assert.equal((await ask(app, { [name]: value }, '127.0.0.1')).status, 200, `${name}: ${value}`)
  }
})

test('classic refuses a Forwarded header that names another machine, or that it cannot read', async () => {
  await using app = await startTestApp()
  const foreign = [
    'for=203.0.113.9',
    'for=127.0.0.1, for=203.0.113.9',
    'for=127.0.0.1;host=evil.example',
    'for=127.0.0.1;by=10.0.0.1',
    'for="[2001:db8::1]:4711"',
    'for=unknown',
    'for=_hidden',
    'for="127.0.0.1, 203.0.113.9"',
    'for=127.0.0.1;proto=gopher',
    'for=127.0.0.1;',
    'for',
    'for=',
    '127.0.0.1;;',
    'for="127.0.0.1',
    '',
  ]
  for (const value of foreign) {
    const { status, body } = await ask(app, { forwarded: value }, '127.0.0.1')
    assert.deepEqual([status, body.error], [403, 'loopback_only'], value)
  }
  for (const value of ['for=127.0.0.1', 'For="[::1]:4711";Host=localhost:5000;proto=http, for=127.0.0.2', 'proto=https;by=localhost'])
    assert.equal((await ask(app, { forwarded: value }, '127.0.0.1')).status, 200, value)
})

test('many headers cannot push out the one that says where a request came from', async () => {
  await using app = await startTestApp()
  const ask = (count: number) =>
    rawGet(app.url, '/healthz', 'localhost', [...Array.from({ length: count }, () => 'a:b'), 'X-Forwarded-For: 203.0.113.9'])
  for (const count of [0, 50, 90]) assert.equal((await ask(count)).status, 403, `${count} read`)
  for (const count of [100, 150]) {
    const answer = await ask(count)
    assert.equal(answer.status, 431, `${count} refused`)
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  }
})

test('classic refuses a peer that is not this machine', async () => {
  await using app = await startTestApp()
  for (const peer of ['192.0.2.1', '10.0.0.1', '0.0.0.0', '2001:db8::1', 'fe80::1%eth0', '::ffff:192.0.2.1', 'not an address', '']) {
    const { status, body } = await ask(app, {}, peer)
    assert.deepEqual([status, body.error], [403, 'loopback_only'], peer)
  }
  for (const peer of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.equal((await ask(app, {}, peer)).status, 200, peer)
})

test('a stranger gets no reset token and no other word from classic: the refusal comes before any route', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const stranger = {
    host: 'evil.example',
    'x-forwarded-for': '203.0.113.9',
    origin: 'https://evil.example',
  }
  for (const [name, value] of Object.entries(stranger)) {
    for (const [method, path] of [
      ['POST', '/reset_password'],
      ['POST', '/sessions'],
      ['GET', '/profile'],
      ['GET', '/no-such-path'],
      ['OPTIONS', '/users'],
    ] as const) {
      const request = new Request(`http://localhost${path}`, {
        method,
        headers: { host: 'localhost', [name]: value },
        body: method === 'POST' ? new URLSearchParams({ email: 'bob@bob.com', password: 'mySuperPwd' }) : null,
      })
      const answer = await app.auth.fetch(request, { clientAddress: '127.0.0.1' })
      assert.equal(answer.status, name === 'host' ? 421 : 403, `${name} ${method} ${path}`)
      assert.deepEqual(Object.keys(await answer.json()), ['error', 'message', 'request_id'])
      assert.equal(answer.headers.get('set-cookie'), null)
    }
  }
})

test('hardened answers under its public host, from anywhere, whatever the proxy adds', async () => {
  await using app = await startTestApp({
    env: hardenedEnv({ BIENVENUE_PUBLIC_URL: 'https://app.example.com', BIENVENUE_TRUSTED_PROXIES: 'none' }),
  })
  const host = 'app.example.com'
  assert.equal((await ask(app, { host }, '203.0.113.9')).status, 200)
  assert.equal((await ask(app, { host })).status, 200, 'without a known peer')
  assert.equal((await ask(app, { host, 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' }, '10.0.0.1')).status, 200)
})

test('hardened refuses every other host, and loopback names unless the peer is loopback', async () => {
  await using app = await startTestApp({
    env: hardenedEnv({ BIENVENUE_PUBLIC_URL: 'https://app.example.com', BIENVENUE_TRUSTED_PROXIES: 'none' }),
  })
  for (const host of [
    ...FOREIGN_HOSTS.filter((name) => !name.includes(' ')),
    'app.example.com.evil.com',
    'sub.app.example.com',
    'app.example.com:8443',
    'example.com',
  ]) {
    const { status, body } = await ask(app, { host }, '127.0.0.1')
    assert.deepEqual([status, body.error], [421, 'host_refused'], host)
  }
  for (const host of ['localhost', 'localhost:5000', '127.0.0.1', '[::1]:5000']) {
    assert.equal((await ask(app, { host }, '127.0.0.1')).status, 200, `${host} from here`)
    assert.equal((await ask(app, { host }, '203.0.113.9')).status, 421, `${host} from elsewhere`)
    assert.equal((await ask(app, { host })).status, 421, `${host} from nobody knows where`)
  }
  assert.equal((await rawGet(app.url, '/healthz', 'evil.example')).status, 421)
  assert.equal((await rawGet(app.url, '/healthz', 'localhost')).status, 200)
})
