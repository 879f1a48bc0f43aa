import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestApp } from '../../test/test-app.ts'

test('a bug of ours says nothing but its request id; its stack is in the log under the same id (R275)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const session = await app.logIn('bob@bob.com', 'mySuperPwd')
  await app.auth.deps.database.inTransaction((tx) => tx.schema.dropTable('sessions').execute())

  const answer = await app.request('GET', '/profile', { session })
  const id = answer.headers.get('x-request-id')
  assert.equal(answer.status, 500)
  assert.deepEqual(answer.json, { error: 'internal_error', message: 'Something went wrong on our side.', request_id: id })

  const bug = app.logLines.find((line) => line.event === 'bug')
  assert.equal(bug?.level, 'error')
  assert.equal(bug?.request_id, id)
  assert.ok(bug)
  const { message, stack } = bug.err as { message: string; stack: string }
  assert.match(message, /no such table: sessions|relation "bienvenue.sessions" does not exist/)
  assert.match(stack, /\n\s+at .*session-lookup-store\.ts/)
})

test('a refusal is no bug: one line, with the code and the true reason, without a stack', async () => {
  await using app = await startTestApp()
  const answer = await app.request('POST', '/sessions', { form: { email: 'nobody@bob.com', password: 'x' } })
  assert.equal(answer.json.message, 'Wrong email or password.')
  const lines = app.logLines.filter((line) => line.request_id === answer.headers.get('x-request-id'))
  assert.equal(lines.length, 1)
  assert.deepEqual([lines[0]?.level, lines[0]?.error, lines[0]?.reason], ['info', 'login_refused', 'unknown_address'])
})

test('what a refusal knows for the log never reaches the client', async () => {
  await using app = await startTestApp()
  const answer = await app.request('GET', '/healthz', { headers: { 'x-forwarded-for': '203.0.113.9' } })
  assert.equal(answer.json.error, 'loopback_only')
  assert.doesNotMatch(answer.text, /203\.0\.113\.9/)
  assert.match(String(app.logLines.at(-1)?.reason), /203\.0\.113\.9/)
})

test('the contract’s one exact body has no other key', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const answer = await app.request('POST', '/users', { form: { email: 'bob@bob.com', password: 'other' } })
  assert.deepEqual([answer.status, answer.text], [400, '{"message":"email already registered"}'])
  assert.ok(answer.headers.get('x-request-id'))
})

test('with the database closed under it no protected route says yes, and the process stays alive (R276)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const session = await app.logIn('bob@bob.com', 'mySuperPwd')
  await app.auth.deps.database.close()
  for (const path of ['/profile', '/sessions/current', '/sessions', '/account']) {
    const answer = await app.request('GET', path, { session })
    assert.ok(answer.status >= 500, `${path} ${answer.status}`)
    assert.deepEqual(Object.keys(answer.json), ['error', 'message', 'request_id'], path)
  }
  assert.ok((await app.request('POST', '/sessions', { form: { email: 'bob@bob.com', password: 'mySuperPwd' } })).status >= 500)
  assert.equal((await app.request('GET', '/healthz')).status, 200)
})
