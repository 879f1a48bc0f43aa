import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APPLICATION } from '../../src/audit/audit-event.ts'
import { createAuth } from '../../src/create-auth.ts'
import { createUser, requireEmailAddress } from '../../src/users/user.ts'
import { hardenedEnv, startTestApp } from '../test-app.ts'

const post = (path: string, fields: Record<string, string>) =>
  new Request(`http://localhost:5000${path}`, { method: 'POST', body: new URLSearchParams(fields) })
const HERE = { clientAddress: '127.0.0.1' }

test('a reset token is not handed to somebody whose address nobody knows', async () => {
  await using app = await startTestApp()
  await app.register('ann@example.com', 'pw')
  const unknown = await app.auth.fetch(post('/reset_password', { email: 'ann@example.com' }))
  assert.equal(unknown.status, 500)
  assert.match(await unknown.text(), /client_address_required/)
  const here = await app.auth.fetch(post('/reset_password', { email: 'ann@example.com' }), HERE)
  assert.equal(here.status, 200)
})

test('in the hardened posture nobody tries a password without an address', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  const login = { email: 'ann@example.com', password: 'a password of hers' }
  assert.match(await (await app.auth.fetch(post('/sessions', login))).text(), /client_address_required|host_refused/)
  const request = post('/sessions', login)
  request.headers.set('host', 'LOCALHOST:5000')
  assert.match(await (await app.auth.fetch(request)).text(), /client_address_required/, 'the public host in any spelling')
  const again = post('/sessions', login)
  assert.equal((await app.auth.fetch(again, HERE)).status, 401)
})

test('the user of a request is known by the one cookie name, from a Request and from a Node message', async () => {
  await using app = await startTestApp()
  await app.register('ann@example.com', 'pw')
  const cookie = `session_id=${await app.logIn('ann@example.com', 'pw')}`
  const request = new Request('http://localhost', { headers: { cookie } })
  assert.equal((await app.auth.getUserFromRequest(request))?.email, 'ann@example.com')
  assert.equal((await app.auth.getUserFromRequest({ headers: { cookie } }))?.email, 'ann@example.com')
  for (const headers of [{}, { cookie: `__Host-${cookie}` }, { cookie: `${cookie}; ${cookie}` }, { cookie: 'session_id=' }]) {
    assert.equal(await app.auth.getUserFromRequest({ headers }), null)
  }
})

test('closing twice is closing once', async () => {
  const auth = await createAuth({ databaseUrl: 'file::memory:' })
  await Promise.all([auth.close(), auth.close()])
  await auth.close()
})

test('a field name that a client made up is told to the client and kept out of the log', async () => {
  await using app = await startTestApp()
  await app.register('ann@example.com', 'pw')
  const session = await app.logIn('ann@example.com', 'pw')
  const answer = await app.request('PATCH', '/account', { session, json: { 'my secret pass phrase': '1' } })
  assert.deepEqual([answer.status, answer.json.field], [400, 'my secret pass phrase'])
  assert.equal(JSON.stringify(app.logLines).includes('pass phrase'), false)
})

test('a session knows whether its user has a password', async () => {
  await using app = await startTestApp()
  await createUser(app.auth.deps, { email: requireEmailAddress('without@example.com'), passwordHash: null }, APPLICATION)
  await app.register('with@example.com', 'pw')
  for (const [email, factors] of [
    ['without@example.com', []],
    ['with@example.com', ['password']],
  ] as const) {
    const session = (await app.auth.createSession(email)) ?? ''
    assert.equal((await app.auth.getUserFromSessionId(session))?.hasPassword, factors.length > 0)
    assert.deepEqual((await app.request('GET', '/account', { session })).json.factors, factors)
  }
})
