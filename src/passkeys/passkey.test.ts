import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHardenedApp } from '../../test/hardened-app.ts'
import {
  assertNotLoggedIn,
  eventsNamed,
  logInAs,
  PASSWORD,
  STALE,
  storedIn,
  tryToAdd,
  tryToLogIn,
  withPasskey,
} from '../../test/passkey-attempts.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { addPasskey, assertionFor, authenticatorOf, enrolTotp } from '../../test/second-factors.ts'
import { sessionOf, startTestApp, type TestApp } from '../../test/test-app.ts'

const ANN = 'ann@example.com'
const UNKNOWN = '019b7a00-0000-7000-8000-000000000000'
const list = async (app: TestApp, session: string) => (await app.request('GET', '/passkeys', { session })).json.passkeys
const removeIt = (app: TestApp, session: string, id: string) => app.request('DELETE', `/passkeys/${id}`, { session })
const rename = (app: TestApp, session: string, id: string, name: unknown) =>
  app.request('PATCH', `/passkeys/${id}`, { session, json: { name } })

test('a user sees their passkeys, the oldest first, with when each was used, and nothing of their keys (R164)', async () => {
  await using app = await startTestApp()
  const first = await withPasskey(app, ANN)
  app.clock.advance(60)
  const second = await addPasskey(app, first.session, { name: 'Phone' })
  app.clock.advance(60)
  await tryToLogIn(app, first.authenticator)
  assert.deepEqual(await list(app, second.session), [
    { id: first.id, name: 'Laptop', backed_up: true, created_at: '2026-01-01T00:00:00.000Z', last_used_at: '2026-01-01T00:02:00.000Z' },
    { id: second.id, name: 'Phone', backed_up: true, created_at: '2026-01-01T00:01:00.000Z', last_used_at: null },
  ])
  assertRefused(await app.request('GET', '/passkeys'), 403, 'session_required')
})

test('a passkey has a name of at most 64 characters on one line, when it is added and when it is renamed (R163, R164)', async () => {
  await using app = await startTestApp()
  const { id, session } = await withPasskey(app, ANN)
  for (const name of ['Ann’s téléphone 🔑', '  Phone  ', 'x'.repeat(64)]) {
    assertAnswered(await rename(app, session, id, name), { message: 'passkey renamed' })
    assert.equal((await list(app, session))[0].name, name.trim())
  }
  // As text, whatever a page would make of it.
  assert.equal((await rename(app, session, id, '<script>alert(1)</script>')).status, 200)
  const before = await storedIn(app)
  for (const name of ['', '   ', 'x'.repeat(65), 'a\nb', 'a\u0000b', '\u001b[2J', 7, null, ['a']]) {
    const renamed = await rename(app, session, id, name)
    assert.deepEqual([renamed.status, renamed.json.field], [400, 'name'], JSON.stringify(name))
    const options = (await app.request('POST', '/passkeys/options', { session })).json
    const passkey = await authenticatorOf(app).create(options)
    const added = await app.request('POST', '/passkeys', { session, json: { passkey, name } })
    assert.deepEqual([added.status, added.json.field], [400, 'name'], JSON.stringify(name))
  }
  assert.deepEqual(await storedIn(app), before)
  assert.equal((await rename(app, session, id, undefined)).status, 400)
})

test('a passkey that is removed is refused from the next request on, and its owner told (R164)', async () => {
  await using app = await startHardenedApp()
  const { authenticator, id, session } = await withPasskey(app, ANN)
  await app.newMails()
  const early = await assertionFor(app, authenticator)
  assertAnswered(await removeIt(app, session, id), { message: 'passkey removed' })
  assertNotLoggedIn(app, await app.request('POST', '/sessions', { json: { passkey: early } }), 'unknown credential')
  assertNotLoggedIn(app, await tryToLogIn(app, authenticator), 'unknown credential')
  assert.deepEqual(await list(app, session), [])
  // With the last second factor the recovery codes go, and the password is enough.
  const { codes, handles } = await storedIn(app)
  assert.deepEqual([codes.length, handles.length], [0, 1])
  assert.notEqual(await app.logIn(ANN, PASSWORD), '')
  assert.match((await app.newMails()).find(({ kind }) => kind === 'factor_removed')?.text ?? '', /passkey/i)
  assert.deepEqual(
    (await eventsNamed(app, 'factor_removed')).map(({ detail }) => detail),
    ['passkey'],
  )
  assertRefused(await removeIt(app, session, id), 404, 'factor_not_found')
})

test('a passkey that is removed between the look and the use logs nobody in (R164)', async () => {
  await using app = await startTestApp()
  const { authenticator, id, session } = await withPasskey(app, ANN)
  const passkeys = await Promise.all([1, 2, 3, 4, 5].map(() => assertionFor(app, authenticator)))
  const [removed, ...logins] = await Promise.all([
    removeIt(app, session, id),
    ...passkeys.map((passkey) => app.request('POST', '/sessions', { json: { passkey } })),
  ])
  assert.equal(removed?.status, 200)
  for (const { status } of logins) assert.ok(status === 200 || status === 401)
  assertNotLoggedIn(app, await tryToLogIn(app, authenticator), 'unknown credential')
})

test('to remove a passkey takes a fresh proof with the factors that there are (R164, R168)', async () => {
  await using app = await startTestApp()
  const { authenticator, id, session } = await withPasskey(app, ANN)
  app.clock.advance(601)
  assertRefused(await removeIt(app, session, id), 403, 'step_up_required')
  const asked = await app.request('POST', '/reauthentication/passkey_options', { session })
  assert.deepEqual(
    asked.json.allowCredentials.map((one: { id: string }) => one.id),
    [authenticator.passkeys[0]?.id],
  )
  const passkey = await authenticator.get(asked.json)
  const stepped = await app.request('POST', '/reauthentication', { session, json: { passkey } })
  assert.equal(stepped.status, 200, stepped.text)
  // Renaming opens nothing, and asks for nothing.
  app.clock.advance(601)
  const renewed = sessionOf(stepped) ?? ''
  assert.equal((await rename(app, renewed, id, 'Old phone')).status, 200)
  app.clock.advance(-601)
  assert.equal((await removeIt(app, renewed, id)).status, 200)
})

test('the last factor that somebody can log in with stays (R164)', async () => {
  await using app = await startTestApp()
  const { id, session } = await withPasskey(app, ANN)
  const second = await addPasskey(app, session, { name: 'Phone' })
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
  assert.equal((await removeIt(app, second.session, id)).status, 200)
  const before = await storedIn(app)
  assertRefused(await removeIt(app, second.session, second.id), 409, 'last_factor')
  assert.deepEqual(await storedIn(app), before)
  assert.equal((await tryToLogIn(app, second.authenticator)).status, 200)
})

test('of two last passkeys that are removed at the same moment one stays (R164)', async () => {
  await using app = await startTestApp()
  const first = await withPasskey(app, ANN)
  const second = await addPasskey(app, first.session)
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
  const answers = await Promise.all([first.id, second.id].map((id) => removeIt(app, second.session, id)))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
  assert.equal((await list(app, second.session)).length, 1)
})

test('where a second factor is required of everyone, the last one stays beside the password (R164)', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_SECOND_FACTOR: 'required' } })
  await app.register(ANN, PASSWORD)
  const login = await app.request('POST', '/sessions', { json: { email: ANN, password: PASSWORD } })
  const { ticket } = login.json
  const options = await app.request('POST', '/passkeys/options', { json: { ticket } })
  const passkey = await authenticatorOf(app).create(options.json)
  // With another ticket of the same user it is not the one that was asked for.
  const other = await app.request('POST', '/sessions', { json: { email: ANN, password: PASSWORD } })
  const wrong = await app.request('POST', '/passkeys', { json: { ticket: other.json.ticket, passkey } })
  assertRefused(wrong, 403, 'passkey_refused')
  assert.ok(app.logLines.some(({ reason }) => reason === STALE))
  const added = await app.request('POST', '/passkeys', { json: { ticket, passkey: await authenticatorOf(app).create(options.json) } })
  assert.equal(added.status, 200, added.text)
  const session = sessionOf(added) ?? ''
  assertRefused(await removeIt(app, session, added.json.id), 409, 'last_factor')
  // An app beside it is one, and needs no passkey.
  const enrolled = await enrolTotp(app, session)
  assert.equal((await removeIt(app, enrolled.session, added.json.id)).status, 200)
})

test('another user’s passkey is not found, nor is one that never was (R164, R247)', async () => {
  await using app = await startTestApp()
  const ann = await withPasskey(app, ANN)
  const bob = await logInAs(app, 'bob@example.com')
  const before = await storedIn(app)
  for (const id of [ann.id, UNKNOWN, ann.authenticator.passkeys[0]?.id ?? '', 'x', '%20', "'", '%00', '%F0%9F%94%91', 'x'.repeat(2_000)]) {
    const removed = await removeIt(app, bob, id)
    const renamed = await rename(app, bob, id, 'Mine')
    for (const answer of [removed, renamed]) {
      assert.ok([400, 404].includes(answer.status), `${id} ${answer.status} ${answer.text}`)
      if (id === ann.id || id === UNKNOWN) assertRefused(answer, 404, 'factor_not_found')
    }
  }
  for (const method of ['PATCH', 'DELETE'])
    assertRefused(
      await app.request(method, `/passkeys/${ann.id}`, method === 'PATCH' ? { json: { name: 'x' } } : {}),
      403,
      'session_required',
    )
  assert.deepEqual(await storedIn(app), before)
  assert.equal((await tryToAdd(app, ann.session)).status, 200)
})
