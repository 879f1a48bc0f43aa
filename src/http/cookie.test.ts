import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { deviceCookieOf } from '../../test/set-cookie.ts'
import { hardenedEnv, sessionOf, startTestApp } from '../../test/test-app.ts'
import { readCookie } from './cookie.ts'

test('a cookie is found wherever it stands in the header', () => {
  for (const header of [
    'n=v',
    'a=1; n=v',
    'n=v; a=1',
    'a=1;n=v;b=2',
    'a=1;\tn=v',
    '  n=v  ',
    'n=v;',
    ';;n=v;;',
    'xn=1; nx=2; n=v',
    'a=n=1; n=v',
  ])
    assert.equal(readCookie(header, 'n'), 'v', header)
  assert.equal(readCookie('n=a=b', 'n'), 'a=b')
  assert.equal(readCookie('n=', 'n'), '')
})

test('what only looks like the cookie is not it', () => {
  for (const header of [null, '', 'n', 'n;', 'N=v', 'xn=v', 'nn=v', 'n =v', 'a=n=v', 'a="; n"=v', 'a=1, n=v', 'n%3Dv', '"n=v"'])
    assert.equal(readCookie(header, 'n'), null, String(header))
})

test('of two cookies with one name neither is believed (R080)', () => {
  for (const header of ['n=good; n=bad', 'n=bad; n=good', 'n=same; n=same', 'n=; n=good', 'n=good; a=1; n=', 'n=good;n='])
    assert.equal(readCookie(header, 'n'), null, header)
  assert.equal(readCookie('n=good; N=bad', 'n'), 'good', 'another case is another name')
})

test('any header of one such cookie among others gives its value, and of two gives none', () => {
  const name = fc.stringMatching(/^[a-z_-]{1,12}$/).filter((text) => text !== 'session_id')
  const value = fc.stringMatching(/^[A-Za-z0-9=._-]{0,20}$/)
  const others = fc.array(
    fc.tuple(name, value).map(([n, v]) => `${n}=${v}`),
    { maxLength: 5 },
  )
  fc.assert(
    fc.property(others, value, others, fc.constantFrom('; ', ';', ' ;\t'), (before, wanted, after, separator) => {
      const cookie = `session_id=${wanted}`
      assert.equal(readCookie([...before, cookie, ...after].join(separator), 'session_id'), wanted)
      assert.equal(readCookie([...before, cookie, cookie, ...after].join(separator), 'session_id'), null)
      assert.equal(readCookie([...before, ...after].join(separator), 'session_id'), null)
    }),
  )
})

test('the cookies of a login in classic: the session first, under the contract name, and every attribute that http allows (R077)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const login = await app.request('POST', '/sessions', { form: { email: 'bob@bob.com', password: 'mySuperPwd' } })
  const token = sessionOf(login)
  assert.deepEqual(login.headers.getSetCookie(), [
    `session_id=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000`,
    `device_id=${deviceCookieOf(login)?.value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000`,
  ])
  const logout = await app.request('DELETE', '/sessions', { session: token ?? '' })
  assert.deepEqual(logout.headers.getSetCookie(), ['session_id=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0'])
})

test('the cookies on https: __Host-, Secure, no Domain, and no other name is taken (R077, D10)', async () => {
  await using app = await startTestApp({
    env: hardenedEnv({
      BIENVENUE_PUBLIC_URL: 'https://app.example.com/auth',
      BIENVENUE_TRUSTED_PROXIES: 'none',
      BIENVENUE_SESSION_ABSOLUTE: '1d',
    }),
  })
  const password = 'correct horse battery staple'
  await app.addVerified('bob@bob.com', password)
  const ask = (method: string, path: string, cookie: string, body?: URLSearchParams) =>
    app.auth.fetch(new Request(`http://x/auth${path}`, { method, headers: { host: 'app.example.com', cookie }, ...(body && { body }) }), {
      clientAddress: '203.0.113.9',
    })
  const login = await ask('POST', '/sessions', '', new URLSearchParams({ email: 'bob@bob.com', password }))
  const token = sessionOf(login)
  const cookies = (session: string | null, answer: Response) => [
    `__Host-session_id=${session}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400`,
    `__Host-device_id=${deviceCookieOf(answer)?.value}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=34560000`,
  ]
  assert.deepEqual(login.headers.getSetCookie(), cookies(token, login))

  assert.equal((await ask('GET', '/profile', `__Host-session_id=${token}`)).status, 200)
  for (const name of ['session_id', '__host-session_id', '__HOST-session_id', '__Host-Session_Id', '__Secure-session_id'])
    assert.equal((await ask('GET', '/profile', `${name}=${token}`)).status, 403, name)

  const changed = await ask(
    'PUT',
    '/account/password',
    `__Host-session_id=${token}`,
    new URLSearchParams({ current_password: password, new_password: 'another long enough phrase' }),
  )
  const renewed = sessionOf(changed)
  assert.notEqual(renewed, token)
  assert.deepEqual(changed.headers.getSetCookie(), cookies(renewed, changed))
  const logout = await ask('DELETE', '/sessions', `__Host-session_id=${renewed}`)
  assert.deepEqual(logout.headers.getSetCookie(), ['__Host-session_id=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0'])
})

test('a request with two session cookies is nobody, in either order, in one header or two (R080)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const token = await app.logIn('bob@bob.com', 'mySuperPwd')
  const profile = (cookie: string) => app.request('GET', '/profile', { headers: { cookie } })
  assert.equal((await profile(`session_id=${token}`)).status, 200)
  for (const cookie of [
    `session_id=${token}; session_id=bad`,
    `session_id=bad; session_id=${token}`,
    `session_id=${token}; session_id=${token}`,
  ])
    assert.equal((await profile(cookie)).status, 403, cookie)
  assert.equal((await profile(`Session_Id=${token}`)).status, 403, 'a case variant alone')
})

test('malformed cookies are nobody, never an error (R265)', async () => {
  await using app = await startTestApp()
  for (const value of [
    '%zz',
    '"',
    '=;=;=',
    'session_id',
    'session_id=',
    'session_id="',
    `session_id=${'x'.repeat(8_000)}`,
    'session_id=\xff\xfe',
    ';'.repeat(5_000),
  ]) {
    const answer = await app.request('GET', '/profile', { headers: { cookie: value } })
    assert.deepEqual([answer.status, answer.json.error], [403, 'session_required'], value.slice(0, 40))
  }
})
