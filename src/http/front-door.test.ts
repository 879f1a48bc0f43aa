import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawRequest } from '../../test/raw-request.ts'
import { startTestApp, type TestApp } from '../../test/test-app.ts'

/** Send a request whose target no URL parser has touched. */
function rawPath(app: TestApp, target: string, more = '') {
  return rawRequest(app.url, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`)
}

async function loggedIn(app: TestApp): Promise<string> {
  await app.register('bob@bob.com', 'mySuperPwd')
  return app.logIn('bob@bob.com', 'mySuperPwd')
}

test('only the path itself, perhaps with a slash behind it, reaches a route (R053, R264)', async () => {
  await using app = await startTestApp()
  const cookie = `Cookie: session_id=${await loggedIn(app)}\r\n`
  for (const target of ['/profile', '/profile/', '/profile?a=b', '/profile/?a=b', '/profile?']) {
    assert.equal((await rawPath(app, target, cookie)).status, 200, target)
  }
  for (const target of [
    '//profile',
    '/PROFILE',
    '/Profile',
    '/profile;x',
    '/profile;jsessionid=1',
    '/%70rofile',
    '/profil%65',
    '/profile%2f',
    '/profile%20',
    '/profile.',
    '/profile.json',
    '/profile//',
    '/profile/x.css',
    '/profile/..;/profile',
    '/..;/profile',
    '/%2e%2e%2fprofile',
    '/x/profile',
    '/profile%00',
    '/profile%0d%0aX-A:%20b',
    '/%zz',
    '/%',
    '/profile%zz',
    '/%c0%ae/profile',
    '/%ff',
    '/index.html',
    '/.git/config',
    '/.env',
    '/src/main.ts',
    '/style.css.map',
    `/${'a'.repeat(10_000)}`,
  ]) {
    const answer = await rawPath(app, target, cookie)
    assert.deepEqual([answer.status, /"error":"(\w+)"/.exec(answer.body)?.[1]], [404, 'not_found'], target.slice(0, 40))
  }
  for (const target of ['/a\0b', '/profile\0', '/pro\tfile', '/\xff']) {
    assert.ok([400, 404].includes((await rawPath(app, target, cookie)).status), JSON.stringify(target))
  }
})

test('dots in a path are no second spelling of another', async () => {
  await using app = await startTestApp()
  const cookie = `Cookie: session_id=${await loggedIn(app)}\r\n`
  for (const target of ['/./profile', '/x/../profile', '/%2e/profile', '/x/%2e%2e/profile', '/../../profile', '/profile/.'])
    assert.equal((await rawPath(app, target, cookie)).status, 404, target)
})

test('spelling a path otherwise gets around no guard', async () => {
  await using app = await startTestApp()
  for (const target of [
    '/profile',
    '//profile',
    '/profile/',
    '/./profile',
    '/%70rofile',
    '/profile%2f',
    '/profile;x',
    '/PROFILE',
    '/account//',
    '//account',
  ])
    assert.ok([403, 404].includes((await rawPath(app, target)).status), target)
})

test('HEAD is GET without the body, and nothing else', async () => {
  await using app = await startTestApp()
  const session = await loggedIn(app)
  for (const path of ['/', '/healthz', '/profile', '/docs', '/style.css', '/nothing']) {
    const get = await app.request('GET', path, { session })
    const head = await app.request('HEAD', path, { session })
    assert.equal(head.status, get.status, path)
    assert.equal(head.text, '', path)
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'), path)
  }
  assert.equal((await app.request('HEAD', '/users')).status, 405)
})

test('a wrong method is 405 with the methods that the path really takes (R082)', async () => {
  await using app = await startTestApp()
  const paths: Record<string, string> = {
    '/': 'GET, HEAD, OPTIONS',
    '/users': 'POST, OPTIONS',
    '/profile': 'GET, HEAD, OPTIONS',
    '/reset_password': 'POST, PUT, OPTIONS',
    '/account': 'GET, PATCH, DELETE, HEAD, OPTIONS',
    '/account/password': 'PUT, OPTIONS',
  }
  for (const [path, allow] of Object.entries(paths)) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'PURGE', 'LOCK']) {
      const answer = await app.request(method, path)
      if (allow.split(', ').includes(method)) assert.notEqual(answer.status, 405, `${method} ${path}`)
      else assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`)
    }
    const options = await app.request('OPTIONS', path)
    assert.deepEqual([options.status, options.headers.get('allow'), options.text], [204, allow, ''], path)
  }
  assert.equal((await app.request('OPTIONS', '/nothing')).status, 404)
})

test('TRACE echoes nothing, CONNECT opens nothing, unknown methods do nothing (R082)', async () => {
  await using app = await startTestApp()
  const request = (line: string) =>
    rawRequest(app.url, `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: session_id=secret\r\n\r\n`)
  const trace = await request('TRACE /profile')
  assert.equal(trace.status, 405)
  assert.doesNotMatch(trace.body, /secret/)
  assert.ok([0, 400, 405].includes((await request('CONNECT evil.example:443')).status))
  for (const method of ['POTATO', 'get', 'GETT', 'G\0T']) assert.equal((await request(`${method} /profile`)).status, 400, method)
})

test('no header and no parameter changes the method (R082)', async () => {
  await using app = await startTestApp()
  const session = await loggedIn(app)
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override', '_method']) {
    const headers = { [name]: 'DELETE' }
    assert.equal((await app.request('GET', '/sessions', { session, headers })).status, 200, name)
    const form = { _method: 'DELETE', email: 'bob@bob.com', password: 'wrong' }
    assert.equal((await app.request('POST', '/sessions?_method=DELETE', { session, form, headers })).status, 401, name)
  }
  assert.equal((await app.request('GET', '/profile', { session })).status, 200, 'the session is still there')
})

test('reading changes nothing (R082)', async () => {
  await using app = await startTestApp()
  const session = await loggedIn(app)
  const { json } = await app.request('GET', '/openapi.json')
  const snapshot = async () => [
    await app.auth.deps.database.reads.selectFrom('users').selectAll().execute(),
    await app.auth.deps.database.reads.selectFrom('sessions').selectAll().execute(),
    await app.auth.deps.database.reads.selectFrom('reset_tokens').selectAll().execute(),
  ]
  const before = await snapshot()
  for (const path of Object.keys(json.paths)) {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) await app.request(method, path.replaceAll(/\{\w+\}/g, 'some-id'), { session })
  }
  await app.auth.settled()
  assert.deepEqual(await snapshot(), before)
})

test('below a public URL with a path every route, link and redirect begins with it, and nothing is outside', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_PUBLIC_URL: 'http://localhost:5000/auth' } })
  const form = { email: 'bob@bob.com', password: 'mySuperPwd' }
  assert.equal((await app.request('POST', '/auth/users', { form })).status, 200)
  const login = await app.request('POST', '/auth/sessions/', { form })
  const [cookie = ''] = login.headers.getSetCookie()
  assert.match(cookie, /; Path=\/;/)
  const headers = { cookie: cookie.split(';')[0] ?? '' }
  assert.equal((await app.request('GET', '/auth/profile', { headers })).status, 200)
  const { json } = await app.request('GET', '/auth/openapi.json')
  assert.equal(json.servers[0].url, 'http://localhost:5000/auth')

  for (const path of Object.keys(json.paths)) {
    assert.equal((await app.request('GET', path, { headers })).status, 404, `${path} outside`)
    assert.notEqual((await app.request('GET', `/auth${path}`)).status, 404, `${path} inside`)
  }
  for (const path of ['/authprofile', '/AUTH/profile', '/auth%2fprofile', '//auth/profile', '/auth//profile', '/x/auth/profile'])
    assert.equal((await app.request('GET', path, { headers })).status, 404, path)

  for (const path of ['/auth', '/auth/', '/auth/docs']) {
    const page = await app.request('GET', path, { headers: { accept: 'text/html' } })
    for (const [, target] of page.text.matchAll(/(?:href|src|action)="(\/[^"]*)"/g)) assert.match(target ?? '', /^\/auth\//, path)
  }
  const logout = await app.request('DELETE', '/auth/sessions', { headers })
  assert.deepEqual([logout.status, logout.headers.get('location')], [302, '/auth/'])
})

test('every request makes one line in the log, which names its route and no secret of its path', async () => {
  await using app = await startTestApp()
  await app.request('DELETE', '/sessions/0f8fad5b-d9cb-469f-a165-70867728950e')
  await app.request('GET', '/reset/kM3vT9xQ2wZ8bN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCz?token=kM3vT9xQ2wZ8bN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCz')
  const lines = app.logLines.filter((line) => line.event === 'request')
  assert.deepEqual(
    lines.map(({ method, route, status, client }) => [method, route, status, client]),
    [
      ['DELETE', '/sessions/:id', 403, '127.0.0.1'],
      ['GET', '/reset/***', 404, '127.0.0.1'],
    ],
  )
})
