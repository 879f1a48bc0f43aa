import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { startTestApp } from '../../test/test-app.ts'

const EMAIL = 'bob@bob.com'

async function appWithAccount() {
  const app = await startTestApp()
  await app.register(EMAIL, 'mySuperPwd')
  const session = await app.logIn(EMAIL, 'mySuperPwd')
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  const account = {
    id,
    email: EMAIL,
    email_verified: false,
    name: null,
    metadata: null,
    created_at: '2026-01-01T00:00:00.000Z',
    factors: ['password'],
    password_changed_at: '2026-01-01T00:00:00.000Z',
  }
  return { app, session, account, patch: (json: unknown) => app.request('PATCH', '/account', { session, json }) }
}

test('GET /account shows the account, and no hash', async () => {
  const { app, session, account } = await appWithAccount()
  await using _ = app
  const answer = await app.request('GET', '/account', { session })
  assertAnswered(answer, account)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
})

test('an account without a password has no factor', async () => {
  const { app, session, account } = await appWithAccount()
  await using _ = app
  await app.auth.deps.database.inTransaction((tx) =>
    tx.updateTable('users').set({ password_hash: null, password_changed_at: null }).execute(),
  )
  assertAnswered(await app.request('GET', '/account', { session }), { ...account, factors: [], password_changed_at: null })
})

test('PATCH /account changes name and metadata, each by itself, and null clears one', async () => {
  const { app, session, account, patch } = await appWithAccount()
  await using _ = app
  const metadata = { plan: 'free', nested: { list: [1, 'two', null, true] }, ключ: '✓' }
  assertAnswered(await patch({ name: 'Bob ✓ Builder' }), { ...account, name: 'Bob ✓ Builder' })
  assertAnswered(await patch({ metadata }), { ...account, name: 'Bob ✓ Builder', metadata })
  assertAnswered(await patch({ name: null }), { ...account, metadata })
  assertAnswered(await patch({ name: '', metadata: null }), account)
  assertAnswered(await patch({}), account)
  assertAnswered(await app.request('PATCH', '/account', { session, form: { name: 'By form' } }), { ...account, name: 'By form' })
})

test('PATCH /account refuses fields that it does not know, and changes nothing', async () => {
  const { app, session, account, patch } = await appWithAccount()
  await using _ = app
  for (const field of ['email', 'id', 'password', 'hashed_password', 'email_verified', 'factors', 'created_at', 'nope']) {
    assertRefused(await patch({ name: 'Mallory', [field]: 'x' }), 400, 'field_unknown', { field })
  }
  assertAnswered(await app.request('GET', '/account', { session }), account)
})

test('a name has at most 64 characters, none of them a control', async () => {
  const { app, session, account, patch } = await appWithAccount()
  await using _ = app
  for (const name of ['x'.repeat(65), 'a\r\nBcc: evil@me.com', 'a\u0000b', 'a\u001b[31m', 'a\u0085b', 7, true, ['a'], {}]) {
    assertRefused(await patch({ name, metadata: {} }), 400, 'field_invalid', { field: 'name' })
  }
  assertAnswered(await app.request('GET', '/account', { session }), account)
  const longest = '\u{1f600}'.repeat(64)
  assertAnswered(await patch({ name: longest }), { ...account, name: longest })
})

test('metadata is one JSON object of at most 4096 bytes', async () => {
  const { app, session, account, patch } = await appWithAccount()
  await using _ = app
  const ofBytes = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}'.length) })
  for (const metadata of ['text', 7, true, [1], ofBytes(4_097), { text: 'é'.repeat(2_048) }]) {
    assertRefused(await patch({ name: 'Mallory', metadata }), 400, 'field_invalid', { field: 'metadata' })
  }
  assertAnswered(await app.request('GET', '/account', { session }), account)
  assertAnswered(await patch({ metadata: ofBytes(4_096) }), { ...account, metadata: ofBytes(4_096) })
})

test('metadata with keys that reach prototypes is refused', async () => {
  const { app, session, account } = await appWithAccount()
  await using _ = app
  for (const key of ['__proto__', 'constructor', 'prototype']) {
    const body = `{"metadata":{"a":{"${key}":{"isAdmin":true}}}}`
    const answer = await app.request('PATCH', '/account', { session, body, headers: { 'content-type': 'application/json' } })
    assertRefused(answer, 400, 'field_unknown', { field: key })
  }
  assertAnswered(await app.request('GET', '/account', { session }), account)
})

test("changing one's account changes nobody else's", async () => {
  const { app, patch } = await appWithAccount()
  await using _ = app
  await app.auth.registerUser('amy@me.com', 'pwd')
  const amy = await app.auth.findUserBy({ email: 'amy@me.com' })
  await patch({ name: 'Bob', metadata: { plan: 'free' } })
  assert.deepEqual(await app.auth.findUserBy({ email: 'amy@me.com' }), amy)
})

test('who-is-this answers name and metadata as they are now', async () => {
  const { app, session, patch } = await appWithAccount()
  await using _ = app
  await patch({ name: 'Bob', metadata: { plan: 'free' } })
  const { user } = (await app.request('GET', '/sessions/current', { session })).json
  assert.deepEqual([user.name, user.metadata], ['Bob', { plan: 'free' }])
})
