import assert from 'node:assert/strict'
import { test } from 'node:test'
import { occupyHashQueue } from '../../test/busy-hash-queue.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { hardenedEnv, startTestApp, type TestApp, type TestResponse } from '../../test/test-app.ts'
import { until } from '../../test/until.ts'
import { eraseUser } from '../account/erase-user.ts'
import { OPERATOR } from '../audit/audit-event.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'correct horse battery staple'

function logIn(app: TestApp, password = PASSWORD, email = EMAIL): Promise<TestResponse> {
  return app.request('POST', '/sessions', { form: { email, password } })
}

function change(app: TestApp, session: string, current_password = PASSWORD, new_password = 'another long enough phrase') {
  return app.request('PUT', '/account/password', { session, json: { current_password, new_password } })
}

const total = (counts: ArrayLike<number>) => Array.from(counts).reduce((sum, count) => sum + count, 0)

function countersOf(app: TestApp) {
  return app.auth.deps.database.reads.selectFrom('throttles').selectAll().execute()
}

/** Everything that a client sees, but for the request's id and the date. */
function visible({ status, headers, text, json }: TestResponse) {
  const kept = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  return { status, headers: kept, text: text.replace(json.request_id, '') }
}

/** Every way to try a password, each as a try that fails. */
const WAYS: Record<string, (app: TestApp, session: string, password: string) => Promise<boolean>> = {
  'POST /sessions': async (app, _session, password) => (await logIn(app, password)).status === 200,
  'PUT /account/password': async (app, session, password) => (await change(app, session, password)).status === 200,
  validLogin: (app, _session, password) => app.auth.validLogin(EMAIL, password),
}

for (const [exhausted, fail] of Object.entries(WAYS)) {
  test(`when the tries are used up at ${exhausted}, every other way is closed too (R045)`, async () => {
    await using app = await startTestApp()
    await app.register(EMAIL, PASSWORD)
    const session = await app.logIn(EMAIL, PASSWORD)
    for (let failure = 1; failure <= 5; failure++) assert.equal(await fail(app, session, 'wrong'), false)
    for (const answer of [await logIn(app), await change(app, session)]) {
      assertRefused(answer, 429, 'too_many_attempts')
      assert.equal(answer.headers.get('retry-after'), '30')
    }
    assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), false)
    app.clock.advance(30)
    assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), true)
    assertAnswered(await logIn(app), { email: EMAIL, message: 'logged in' })
  })
}

test('an address that nobody has is throttled at the same count, with the same bytes (R036)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  for (let attempt = 1; attempt <= 8; attempt++) {
    const [known, unknown] = [await logIn(app, 'wrong'), await logIn(app, 'wrong', 'nobody@me.com')]
    const malformed = await logIn(app, 'wrong', 'no address at all')
    assert.equal(known.status, attempt <= 5 ? 401 : 429)
    assert.deepEqual(visible(unknown), visible(known))
    assert.deepEqual(visible(malformed), visible(known))
  }
})

test('ten good logins in a row are no failures, and leave no counter', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  for (let login = 1; login <= 10; login++) assertAnswered(await logIn(app), { email: EMAIL, message: 'logged in' })
  assert.deepEqual(await countersOf(app), [])
})

test('of 200 wrong passwords at once, five are looked at', async () => {
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  await app.register(EMAIL, PASSWORD)
  // As many as are answered otherwise than by "the queue is full".
  const answers: TestResponse[] = []
  for (let batch = 0; batch < 5; batch++) answers.push(...(await Promise.all(Array.from({ length: 40 }, () => logIn(app, 'wrong')))))
  const count = (status: number) => answers.filter((answer) => answer.status === status).length
  assert.deepEqual([count(401), count(429)], [5, 195])
})

test('an attempt whose request breaks afterwards stays counted (R047)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  const { hashQueue } = app.auth.deps
  const { takePlace } = hashQueue
  Object.assign(hashQueue, { takePlace: () => ({ run: () => Promise.reject(new Error('broken')), leave() {} }) })
  for (let attempt = 1; attempt <= 5; attempt++) assertRefused(await logIn(app), 500, 'internal_error')
  Object.assign(hashQueue, { takePlace })
  assertRefused(await logIn(app), 429, 'too_many_attempts')
})

test('a login that finds no room to hash is 503, and writes nothing', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  {
    using _ = occupyHashQueue(app)
    const { transactions } = app.auth.deps.database.counts
    const before = transactions.sumMilliseconds
    for (let attempt = 1; attempt <= 10; attempt++) assertRefused(await logIn(app, 'wrong'), 503, 'busy')
    assert.equal(transactions.sumMilliseconds, before)
  }
  await until(() => app.auth.deps.hashQueue.running === 0)
  assert.deepEqual(await countersOf(app), [])
})

test('of many logins at once, those that find no room to hash write nothing either', async () => {
  await using app = await startTestApp()
  const queue = occupyHashQueue(app, 2)
  const logins = Array.from({ length: 30 }, (_, at) => logIn(app, 'wrong', `user${at}@me.com`))
  await until(() => app.logLines.filter(({ status }) => status === 503).length === 28)
  queue[Symbol.dispose]()
  const statuses = (await Promise.all(logins)).map(({ status }) => status)
  assert.equal(statuses.filter((status) => status === 401).length, 2)
  assert.equal((await countersOf(app)).length, 2)
})

test('who proves the current password and chooses a bad new one has not failed', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await app.addVerified(EMAIL, PASSWORD)
  const session = await app.logIn(EMAIL, PASSWORD)
  for (let attempt = 1; attempt <= 12; attempt++)
    assertRefused(await change(app, session, PASSWORD, 'short'), 400, 'password_rejected', { field: 'new_password', reason: 'too_short' })
  assertAnswered(await change(app, session), { message: 'Password updated' })
})

test('reset tokens are tried ten times in a row from one address; a good token with a bad password is no failure (R042)', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await app.addVerified(EMAIL, PASSWORD)
  const put = (reset_token: string, new_password = 'another long enough phrase') =>
    app.request('PUT', '/reset_password', { form: { email: EMAIL, reset_token, new_password } })
  const token = await app.auth.getResetPasswordToken(EMAIL)
  for (let attempt = 1; attempt <= 12; attempt++)
    assertRefused(await put(token, 'short'), 400, 'password_rejected', { field: 'new_password', reason: 'too_short' })
  for (let attempt = 1; attempt <= 10; attempt++) assertRefused(await put('A'.repeat(43)), 403, 'reset_token_invalid')
  const refusal = await put(token)
  assertRefused(refusal, 429, 'too_many_attempts')
  assert.equal(refusal.headers.get('retry-after'), '600')
  // The same address is closed for passwords, also of others.
  assertRefused(await logIn(app, PASSWORD, 'amy@me.com'), 429, 'too_many_attempts')
  app.clock.advance(600)
  assertAnswered(await put(token), { email: EMAIL, message: 'Password updated' })
  assertAnswered(await logIn(app, 'another long enough phrase'), { email: EMAIL, message: 'logged in' })
})

test('the eleventh registration within an hour from one address is 429; classic takes them all (R051)', async () => {
  for (const env of [hardenedEnv(), {}]) {
    await using app = await startTestApp({ env })
    // Of what is refused for its form, nothing is counted.
    for (let attempt = 1; attempt <= 12; attempt++)
      assert.equal((await app.request('POST', '/users', { form: { email: 'x', password: PASSWORD } })).status, 400)
    for (let user = 1; user <= 10; user++) await app.register(`user${user}@me.com`, PASSWORD)
    const next = await app.request('POST', '/users', { form: { email: 'next@me.com', password: PASSWORD } })
    assert.equal(next.status, app.config.posture === 'hardened' ? 429 : 200)
    if (next.status === 429) assert.equal(next.headers.get('retry-after'), '3600')
    app.clock.advance(3_600)
    await app.register('later@me.com', PASSWORD)
  }
})

test('hardened does not register for an application that will not say from where', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  const body = new URLSearchParams({ email: EMAIL, password: PASSWORD })
  const answer = await app.auth.fetch(new Request('http://localhost:5000/users', { method: 'POST', body }))
  assert.equal((await answer.json()).error, 'client_address_required')
})

test('a thousand throttled logins are answered at once, on connections that stay few (R052)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  for (let failure = 1; failure <= 5; failure++) await logIn(app, 'wrong')
  const { hashQueue } = app.auth.deps
  const hashed = total(hashQueue.wait.counts)
  for (let batch = 0; batch < 20; batch++) {
    for (const answer of await Promise.all(Array.from({ length: 50 }, () => logIn(app)))) {
      assert.equal(answer.status, 429)
      assert.equal(answer.headers.get('retry-after'), '30')
    }
  }
  assert.equal(total(hashQueue.wait.counts), hashed, 'none was evaluated')
  app.clock.advance(30)
  assertAnswered(await logIn(app), { email: EMAIL, message: 'logged in' })
})

test('no spelling of the path gets a try of its own (R053)', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  for (let failure = 1; failure <= 5; failure++) await logIn(app, 'wrong')
  for (const path of [
    '//sessions',
    '/SESSIONS',
    '/sessions;x',
    '/%73essions',
    '/sessions//',
    '/x/../sessions',
    '/sessions/',
    '/sessions?x=1',
  ]) {
    const answer = await app.request('POST', path, { form: { email: EMAIL, password: PASSWORD } })
    assert.ok([404, 429].includes(answer.status), `${path} ${answer.status}`)
  }
})

test('nothing is left of a user who was erased', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  await logIn(app)
  await logIn(app, 'wrong')
  const { deps } = app.auth
  await eraseUser(deps, await app.auth.findUserBy({ email: EMAIL }), OPERATOR)
  assert.deepEqual(await countersOf(app), [])
  assert.deepEqual(await deps.database.reads.selectFrom('devices').select('user_id').execute(), [])
})
