import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config.ts'
import { addUser, issueOne, startForManyClients, useOf } from '../every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../hardened-app.ts'
import { OLD_HASHES } from '../old-hashes.ts'
import { NO_PASSKEY, type Operation, operationsOf } from '../openapi-operations.ts'
import { assertRefused, refused } from '../refusals.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../test-app.ts'

const ANN = 'ann@example.com'
const BOB = 'bob@example.com'
const NEXT_PASSWORD = 'another long passphrase'

/** A body that fits its operation, as far as its fields go. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  email: 'eve@example.com',
  password: GOOD_PASSWORD,
  current_password: GOOD_PASSWORD,
  new_password: NEXT_PASSWORD,
  name: 'Eve',
  metadata: {},
  passkey: NO_PASSKEY,
}
const bodyOf = ({ fields }: Operation) => Object.fromEntries(fields.map((field) => [field, SAMPLES[field] ?? 'x']))

/** Everything that is stored of a user. */
async function storedOf(app: TestApp, id: string) {
  const { reads } = app.auth.deps.database
  return {
    user: await reads.selectFrom('users').selectAll().where('id', '=', id).execute(),
    sessions: await reads.selectFrom('sessions').select('id').where('user_id', '=', id).orderBy('id').execute(),
    devices: await reads.selectFrom('devices').selectAll().where('user_id', '=', id).execute(),
    changes: await reads.selectFrom('address_changes').select('id').where('user_id', '=', id).execute(),
    apps: await reads.selectFrom('totp_secrets').selectAll().where('user_id', '=', id).execute(),
    enrolments: await reads.selectFrom('totp_enrolments').selectAll().where('user_id', '=', id).execute(),
    passkeys: await reads.selectFrom('passkeys').select('id').where('user_id', '=', id).execute(),
    mails: await reads.selectFrom('mails').select('id').where('user_id', '=', id).execute(),
  }
}

test('Better Auth CVE-2025-61928: no route takes who is acting from a body, a query or a header (R245)', async () => {
  await using app = await startForManyClients()
  const id = await addUser(app, ANN)
  const session = await app.logIn(ANN, GOOD_PASSWORD)
  const publicId = (await app.request('GET', '/sessions/current', { session })).json.session.id
  const before = await storedOf(app, id)
  const named = { userId: id, user_id: id, id, sub: id, user: ANN, session_id: session, sessionId: session }
  const query = new URLSearchParams(named).toString()
  const headers = { 'x-user-id': id, 'x-auth-user-id': id, 'x-auth-email': ANN, authorization: `Bearer ${session}` }
  let mallorys = 0
  let guarded = 0
  for (const operation of await operationsOf(app)) {
    const { method, needsSession } = operation
    const path = operation.path.replace('{id}', publicId)
    const what = `${method} ${path}`
    const good = bodyOf(operation)
    // In the body, then in the query; in headers always.
    const attempts =
      method === 'GET'
        ? [{ query: '' }, { query }]
        : [
            { query: '', json: { ...good, ...named } },
            { query, json: good },
          ]
    for (const { query: asked, ...body } of attempts) {
      if (!needsSession) continue
      guarded++
      assertRefused(await app.request(method, `${path}?${asked}`, { ...body, headers }), 403, 'session_required')
      // With a session of one's own, another's id selects nobody either.
      const mallory = `mallory${++mallorys}@example.com`
      await addUser(app, mallory)
      const own = await app.logIn(mallory, GOOD_PASSWORD)
      const { status, text } = await app.request(method, `${path}?${asked}`, { ...body, session: own, headers })
      assert.ok(!text.includes(ANN) && !text.includes(id), `${what} ${text}`)
      assert.ok(operation.path.includes('{id}') ? status === 404 || status === 400 : status < 500, `${what} ${status}`)
    }
    if (needsSession || method === 'GET') continue
    const answer = await app.request(method, `${path}?${query}`, { json: named, headers })
    assert.ok(answer.status >= 400 && answer.status < 500, `${what} ${answer.status}`)
  }
  assert.ok(guarded >= 20, `${guarded}`)
  await app.auth.settled()
  assert.deepEqual(await storedOf(app, id), before)
  assert.equal((await app.request('GET', '/account', { session })).status, 200)
})

test('Ory Kratos GO-2026-4801, Keto CVE-2026-33505, Hydra GHSA-r9w3-57w2-gch2: a forged cursor shows nobody’s events but one’s own (R261)', async () => {
  await using app = await startForManyClients()
  for (const email of [ANN, BOB]) await addUser(app, email)
  const anns = await app.logIn(ANN, GOOD_PASSWORD)
  const session = await app.logIn(BOB, GOOD_PASSWORD)
  const read = (before: string, who = session) =>
    app.request('GET', `/account/events?before=${encodeURIComponent(before)}`, { session: who })
  const idsOf = async (who: string) =>
    (await app.request('GET', '/account/events', { session: who })).json.events.map(({ id }: { id: string }) => id) as string[]
  const [annsEvents, own] = [await idsOf(anns), await idsOf(session)]
  assert.ok(annsEvents.length > 0 && own.length > 0)
  const forged = [
    "' or '1'='1",
    `${own[0]}' or 1=1 --`,
    `${own[0]?.slice(0, -4)}' --`,
    '1; drop table users',
    'eyJ1c2VyIjoiYW5uIn0=',
    `${Buffer.from(JSON.stringify({ user: ANN })).toString('base64url')}.c2lnbmF0dXJl`,
    own[0]?.toUpperCase() ?? '',
    '',
    '%',
    '\0',
  ]
  for (const before of forged) assertRefused(await read(before), 400, 'field_invalid', { field: 'before' })
  for (const before of [...annsEvents, 'ffffffff-ffff-7fff-bfff-ffffffffffff', 'f'.repeat(36), '-'.repeat(36), ...own]) {
    const answer = await read(before)
    assert.equal(answer.status, 200, before)
    for (const { id } of answer.json.events) assert.ok(own.includes(id), before)
  }
  for (const name of ['before[]', 'after', 'user', 'subject', 'cursor', 'page_token'])
    assertRefused(await app.request('GET', `/account/events?${name}=${annsEvents[0]}`, { session }), 400, 'field_unknown', { field: name })
  assertRefused(await app.request('GET', `/account/events?before=${own[0]}&before=${own[0]}`, { session }), 400, 'field_repeated', {
    field: 'before',
  })
})

test('Ory Kratos GO-2026-4801, Keto CVE-2026-33505: no secret, a short one or one from the manual starts nothing (R234)', () => {
  const examples = [
    '',
    'changeme',
    'secret',
    'v1:$(openssl rand -base64 48)',
    '$(openssl rand -base64 48)',
    'v2:…,v1:…',
    'PLEASE-CHANGE-ME',
    'x'.repeat(31),
    'x'.repeat(64),
    'changeme'.repeat(5),
  ]
  for (const secret of examples)
    assert.throws(() => parseConfig(hardenedEnv({ BIENVENUE_SECRET: secret })), refused('configuration_invalid'), secret)
  assert.throws(() => parseConfig({ BIENVENUE_POSTURE: 'hardened' }), refused('configuration_invalid'))
})

test('Keycloak CVE-2026-18963: no order of the steps of a reset sets a password without the token in the very call (R102)', async () => {
  await using app = await startForManyClients()
  for (const email of [ANN, BOB]) await addUser(app, email)
  const carls = await issueOne(app, 'reset link', 'carl@example.com')
  const cookies = new Map<string, string>()
  const request: HardenedApp['request'] = async (method, path, more = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await app.request(method, path, { ...more, headers: { cookie, accept: 'text/html', ...more.headers } })
    for (const [, name = '', value = ''] of answer.headers.getSetCookie().map((line) => /^([^=]+)=([^;]*)/.exec(line) ?? []))
      cookies.set(name, value)
    return answer
  }
  const put = (token: object) => request('PUT', '/reset_password', { json: { email: ANN, new_password: NEXT_PASSWORD, ...token } })
  let formToken = ''
  const submit = (fields: Record<string, string>) =>
    request('POST', '/forms/reset', { form: { form_token: formToken, password: NEXT_PASSWORD, ...fields } })
  const open = async (path: string) => {
    formToken = /name="form_token" value="([^"]+)"/.exec((await request('GET', path)).text)?.[1] ?? ''
  }
  /** Steps that may be taken without a token; then every way to set a password without one. */
  const steps: (() => Promise<unknown>)[] = [
    () => request('POST', '/reset_password', { json: { email: ANN } }),
    () => request('POST', '/login_codes', { json: { email: ANN } }),
    () => open('/reset?token='),
    () => open(`/reset?token=${carls.value}`),
    () => open('/reset?token=verified'),
    () => request('POST', '/sessions', { json: { email: BOB, password: GOOD_PASSWORD } }),
    () => request('GET', '/account'),
  ]
  const without = [undefined, null, '', [], {}, true, 0, 'null', 'undefined', 'verified', [carls.value], { $ne: '' }, carls.value]
  for (let round = 0; round < steps.length; round++) {
    // Every round another order.
    const order = steps.map((step, at) => ({ step, rank: ((at + 1) * (round + 2)) % 11 })).sort((a, b) => a.rank - b.rank)
    for (const { step } of order) {
      await step()
      const token = without[round] ?? null
      const typed = typeof token === 'string' && token !== carls.value ? token : ''
      for (const answer of [await put({ reset_token: token }), await put({}), await submit({}), await submit({ token: typed })])
        assert.ok(answer.status >= 400 && answer.status < 500, `${round} ${answer.status} ${answer.text}`)
    }
    await app.newMails()
  }
  for (const token of without) assert.ok((await put({ reset_token: token })).status >= 400, String(token))
  for (const email of [ANN, BOB]) await app.logIn(email, GOOD_PASSWORD)
  assert.equal(await useOf(app, 'reset link', carls), true)
})

test('Vendure CVE-2026-25050, Sync-in CVE-2026-58272: a login is hashed once, whoever the address belongs to (R029)', async () => {
  await using app = await startForManyClients()
  const { hashQueue, database } = app.auth.deps
  const hashed = () => Array.from(hashQueue.wait.counts).reduce((sum, count) => sum + count, 0)
  await addUser(app, ANN)
  await addUser(app, 'unverified@example.com', { verified: false })
  for (const name of ['disabled', 'none', 'broken']) await addUser(app, `${name}@example.com`)
  await database.inTransaction(async (tx) => {
    await tx.updateTable('users').set({ disabled_at: 1 }).where('email', '=', 'disabled@example.com').execute()
    await tx.updateTable('users').set({ password_hash: null }).where('email', '=', 'none@example.com').execute()
    await tx.updateTable('users').set({ password_hash: 'x' }).where('email', '=', 'broken@example.com').execute()
  })
  const names = [
    ANN,
    'nobody@example.com',
    'unverified@example.com',
    'disabled@example.com',
    'none@example.com',
    'broken@example.com',
    'no address',
  ]
  for (const email of names) {
    for (const password of ['wrong', '', 'x'.repeat(2_000)]) {
      const before = hashed()
      assertRefused(await app.logInAnswer(email, password), 401, 'login_refused')
      assert.equal(hashed() - before, 1, `${email} ${password.length}`)
    }
    const before = hashed()
    assert.equal(await app.auth.validLogin(email, 'wrong'), false)
    assert.equal(hashed() - before, 1, email)
  }
})

test('Spring Security CVE-2025-22228, npm bcrypt CVE-2020-7689: no part of a password is the password (R004, R020)', async () => {
  await using app = await startTestApp()
  const long = `${'correct horse battery staple '.repeat(8)}!`
  const nul = 'aaaaaaa\0bbbbbbbbb'
  const logIn = async (email: string, password: string) =>
    (await app.request('POST', '/sessions', { json: { email, password } })).status === 200
  const wrong = [long.slice(0, 72), long.slice(0, 71), long.slice(0, -1), `${long}!`]
  await app.register('long@example.com', long)
  for (const password of wrong) assert.equal(await logIn('long@example.com', password), false, `${password.length}`)
  assert.equal(await logIn('long@example.com', `${long.slice(0, 72)}X${long.slice(73)}`), false)
  app.clock.advance(3_600)
  assert.equal(await logIn('long@example.com', long), true)
  await app.auth.registerUser('nul@example.com', nul)
  for (const password of ['aaaaaaa', 'aaaaaaa\0', 'aaaaaaa\0bbbbbbbbc']) assert.equal(await logIn('nul@example.com', password), false)
  assert.equal(await logIn('nul@example.com', nul), true)
  // An imported bcrypt hash has seen 72 bytes; what is longer was never proved.
  const first = long.slice(0, 72)
  for (const format of ['bcrypt $2a', 'bcrypt $2b', 'bcrypt $2y'] as const) {
    const email = `${format.at(-1)}@example.com`
    await app.auth.addUser(email, OLD_HASHES[format](first))
    for (const password of [`${first}x`, long, first.slice(0, -1), `${first}\0`]) assert.equal(await logIn(email, password), false, format)
    assert.equal(await logIn(email, first), true, format)
    assert.equal(await logIn(email, `${first}x`), false, format)
  }
})
