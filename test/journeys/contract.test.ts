import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshDatabase, keptDatabase } from '../fresh-database.ts'
import { assertAnswered, assertRefused } from '../refusals.ts'
import { cookieOf, type SetCookie } from '../set-cookie.ts'
import { sessionOf, startTestApp, type TestApp, type TestRequest } from '../test-app.ts'

const EMAIL = 'guillaume@holberton.io'
const PASSWORD = 'b4l0u'
const NEW_PASSWORD = 't4rt1fl3tt3'
/** The form of a token that is none: 43 characters of base64url. */
const NO_TOKEN = 'A'.repeat(43)

const SESSION_COOKIE: Omit<SetCookie, 'value'> = {
  name: 'session_id',
  attributes: { Path: '/', HttpOnly: true, SameSite: 'Lax', 'Max-Age': '2592000' },
}

async function appWithUser(): Promise<TestApp> {
  const app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  return app
}

async function askReset(app: TestApp, email = EMAIL): Promise<string> {
  const answer = await app.request('POST', '/reset_password', { form: { email } })
  assert.equal(answer.status, 200, answer.text)
  return answer.json.reset_token
}

async function logInStatus(app: TestApp, email: string, password: string): Promise<number> {
  return (await app.request('POST', '/sessions', { form: { email, password } })).status
}

test('GET / greets', async () => {
  await using app = await startTestApp()
  assertAnswered(await app.request('GET', '/'), { message: 'Bienvenue' })
})

test('POST /users registers', async () => {
  await using app = await startTestApp()
  const answer = await app.request('POST', '/users', { form: { email: EMAIL, password: PASSWORD } })
  assertAnswered(answer, { email: EMAIL, message: 'user created' })
  assert.deepEqual(answer.headers.getSetCookie(), [])
})

test('POST /users with a taken address is 400 with exactly the contract body', async () => {
  await using app = await appWithUser()
  const answer = await app.request('POST', '/users', { form: { email: EMAIL, password: 'another' } })
  assert.equal(answer.status, 400)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.equal(answer.text, '{"message":"email already registered"}')
  assert.equal(await logInStatus(app, EMAIL, 'another'), 401)
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
})

test('POST /sessions logs in and sets the session cookie', async () => {
  await using app = await appWithUser()
  const answer = await app.request('POST', '/sessions', { form: { email: EMAIL, password: PASSWORD } })
  assertAnswered(answer, { email: EMAIL, message: 'logged in' })
  const { value, ...cookie } = cookieOf(answer)
  assert.match(value, /^[A-Za-z0-9_-]{43}$/)
  assert.deepEqual(cookie, SESSION_COOKIE)
})

test('POST /sessions is 401 in any other case, and sets no cookie', async () => {
  await using app = await appWithUser()
  const cases: Record<string, Record<string, string>> = {
    'wrong password': { email: EMAIL, password: 'nope' },
    'unknown address': { email: 'bob@bob.com', password: PASSWORD },
    'no password': { email: EMAIL },
    'no password for an unknown address': { email: 'bob@bob.com' },
    'no address': { password: PASSWORD },
    'empty password': { email: EMAIL, password: '' },
    'empty address': { email: '', password: PASSWORD },
    'an address that is none': { email: 'guillaume', password: PASSWORD },
    'a password of the wrong case': { email: EMAIL, password: 'B4L0U' },
    'a password of 2000 characters': { email: EMAIL, password: 'x'.repeat(2_000) },
    'nothing at all': {},
  }
  for (const [name, form] of Object.entries(cases)) {
    const answer = await app.request('POST', '/sessions', { form })
    assert.equal(answer.status, 401, name)
    assertRefused(answer, 401, 'login_refused')
  }
  assertRefused(await app.request('POST', '/sessions'), 401, 'login_refused')
})

test('DELETE /sessions ends the session, clears its cookie and redirects to /', async () => {
  await using app = await appWithUser()
  const session = await app.logIn(EMAIL, PASSWORD)
  const answer = await app.request('DELETE', '/sessions', { session })
  assert.equal(answer.status, 302)
  assert.equal(answer.headers.get('location'), '/')
  assert.equal(answer.text, '')
  assert.deepEqual(cookieOf(answer), {
    name: 'session_id',
    value: '',
    attributes: { ...SESSION_COOKIE.attributes, 'Max-Age': '0' },
  })
  assertRefused(await app.request('GET', '/profile', { session }), 403, 'session_required')
})

test('DELETE /sessions with Accept: application/json answers 200 in place of the redirect', async () => {
  await using app = await appWithUser()
  const session = await app.logIn(EMAIL, PASSWORD)
  const answer = await app.request('DELETE', '/sessions', { session, headers: { accept: 'application/json' } })
  assertAnswered(answer, { message: 'logged out' })
  assert.equal(answer.headers.get('location'), null)
  assert.equal(cookieOf(answer).attributes['Max-Age'], '0')
  assertRefused(await app.request('GET', '/profile', { session }), 403, 'session_required')
})

test('a client that accepts anything is redirected at logout, and following it with GET finds the greeting', async () => {
  await using app = await appWithUser()
  const session = await app.logIn(EMAIL, PASSWORD)
  const answer = await app.request('DELETE', '/sessions', { session, headers: { accept: '*/*' } })
  assert.equal(answer.status, 302)
  assertAnswered(await app.request('GET', answer.headers.get('location') ?? ''), { message: 'Bienvenue' })
})

for (const [method, path] of [
  ['DELETE', '/sessions'],
  ['GET', '/profile'],
] as const) {
  test(`${method} ${path} is 403 without a cookie, with an unknown session and with an ended one`, async () => {
    await using app = await appWithUser()
    const ended = await app.logIn(EMAIL, PASSWORD)
    await app.request('DELETE', '/sessions', { session: ended })
    for (const request of [{}, { session: NO_TOKEN }, { session: 'nope' }, { session: '' }, { session: ended }] satisfies TestRequest[]) {
      assertRefused(await app.request(method, path, request), 403, 'session_required')
    }
  })
}

test('GET /profile answers the address as it was registered', async () => {
  await using app = await startTestApp()
  await app.register('Guillaume@Holberton.IO', PASSWORD)
  const session = await app.logIn('guillaume@holberton.io', PASSWORD)
  assertAnswered(await app.request('GET', '/profile', { session }), { email: 'Guillaume@Holberton.IO' })
})

test('POST /reset_password answers a token', async () => {
  await using app = await appWithUser()
  const answer = await app.request('POST', '/reset_password', { form: { email: EMAIL } })
  assert.match(answer.json.reset_token, /^[A-Za-z0-9_-]{43}$/)
  assertAnswered(answer, { email: EMAIL, reset_token: answer.json.reset_token })
})

test('POST /reset_password is 403 for an unknown, missing, empty or impossible address', async () => {
  await using app = await appWithUser()
  for (const form of [{ email: 'bob@bob.com' }, {}, { email: '' }, { email: 'guillaume' }] as Record<string, string>[]) {
    assertRefused(await app.request('POST', '/reset_password', { form }), 403, 'user_not_found')
  }
  assertRefused(await app.request('POST', '/reset_password'), 403, 'user_not_found')
})

test('PUT /reset_password sets the new password', async () => {
  await using app = await appWithUser()
  const form = { email: EMAIL, reset_token: await askReset(app), new_password: NEW_PASSWORD }
  assertAnswered(await app.request('PUT', '/reset_password', { form }), { email: EMAIL, message: 'Password updated' })
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 401)
  assert.equal(await logInStatus(app, EMAIL, NEW_PASSWORD), 200)
})

test('PUT /reset_password is 403 for a token that is unknown, used, superseded, expired, empty or missing', async () => {
  await using app = await appWithUser()
  const put = (token: Record<string, string>) =>
    app.request('PUT', '/reset_password', { form: { email: EMAIL, new_password: NEW_PASSWORD, ...token } })
  const superseded = await askReset(app)
  const used = await askReset(app)
  assertRefused(await put({ reset_token: superseded }), 403, 'reset_token_invalid')
  assert.equal((await put({ reset_token: used })).status, 200)
  const expired = await askReset(app)
  app.clock.advance(61 * 60)
  for (const token of [{ reset_token: NO_TOKEN }, { reset_token: used }, { reset_token: expired }, { reset_token: '' }, {}]) {
    assertRefused(await put(token as Record<string, string>), 403, 'reset_token_invalid')
  }
})

test('401 comes only from POST /sessions: a dead session is 403 on every other route', async () => {
  await using app = await appWithUser()
  const routes = [
    ['GET', '/profile'],
    ['DELETE', '/sessions'],
    ['GET', '/sessions'],
    ['GET', '/sessions/current'],
    ['DELETE', '/sessions/others'],
    ['DELETE', '/sessions/1'],
    ['GET', '/account'],
    ['PATCH', '/account'],
    ['PUT', '/account/password'],
  ] as const
  for (const [method, path] of routes) {
    assertRefused(await app.request(method, path, { session: NO_TOKEN }), 403, 'session_required')
  }
})

test('the query string is never form data', async () => {
  await using app = await appWithUser()
  const session = await app.logIn(EMAIL, PASSWORD)
  const token = await askReset(app)
  const query = `email=${EMAIL}&password=${PASSWORD}&reset_token=${token}&new_password=${NEW_PASSWORD}&session_id=${session}`
  assertRefused(await app.request('POST', `/users?email=bob@bob.com&password=x`), 400, 'field_required', { field: 'email' })
  assertRefused(await app.request('POST', `/sessions?${query}`), 401, 'login_refused')
  assertRefused(await app.request('GET', `/profile?${query}`), 403, 'session_required')
  assertRefused(await app.request('DELETE', `/sessions?${query}`), 403, 'session_required')
  assertRefused(await app.request('POST', `/reset_password?${query}`), 403, 'user_not_found')
  assertRefused(await app.request('PUT', `/reset_password?${query}`), 403, 'reset_token_invalid')
  await assert.rejects(app.auth.findUserBy({ email: 'bob@bob.com' }))
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
})

test('a query string beside a body changes nothing', async () => {
  await using app = await appWithUser()
  const answer = await app.request('POST', '/sessions?email=bob@bob.com', { form: { email: EMAIL, password: PASSWORD } })
  assertAnswered(answer, { email: EMAIL, message: 'logged in' })
})

test('extra fields are ignored and never stored', async () => {
  await using app = await startTestApp()
  const extra = {
    id: '1',
    is_admin: 'true',
    name: 'mallory',
    external_id: 'x',
    hashed_password: 'h',
    session_id: 's',
    email_verified: 'true',
  }
  assertAnswered(await app.request('POST', '/users', { form: { email: EMAIL, password: PASSWORD, ...extra } }), {
    email: EMAIL,
    message: 'user created',
  })
  const login = await app.request('POST', '/sessions', { form: { email: EMAIL, password: PASSWORD, ...extra } })
  assertAnswered(login, { email: EMAIL, message: 'logged in' })
  const asked = await app.request('POST', '/reset_password', { form: { email: EMAIL, reset_token: NO_TOKEN, ...extra } })
  assert.deepEqual(Object.keys(asked.json), ['email', 'reset_token'])
  const { id, name, externalId, emailVerified, metadata } = await app.auth.findUserBy({ email: EMAIL })
  assert.notEqual(id, '1')
  assert.deepEqual({ name, externalId, emailVerified, metadata }, { name: null, externalId: null, emailVerified: false, metadata: null })
  const form = { email: EMAIL, reset_token: asked.json.reset_token, new_password: NEW_PASSWORD, ...extra }
  assertAnswered(await app.request('PUT', '/reset_password', { form }), { email: EMAIL, message: 'Password updated' })
})

test('every answer carries the address as the client sent it, though a case variant is the same account', async () => {
  await using app = await appWithUser()
  const email = 'GUILLAUME@Holberton.io'
  assert.equal((await app.request('POST', '/users', { form: { email, password: 'x' } })).text, '{"message":"email already registered"}')
  assertAnswered(await app.request('POST', '/sessions', { form: { email, password: PASSWORD } }), { email, message: 'logged in' })
  const asked = await app.request('POST', '/reset_password', { form: { email } })
  assertAnswered(asked, { email, reset_token: asked.json.reset_token })
  const again = 'Guillaume@HOLBERTON.IO'
  const form = { email: again, reset_token: asked.json.reset_token, new_password: NEW_PASSWORD }
  assertAnswered(await app.request('PUT', '/reset_password', { form }), { email: again, message: 'Password updated' })
})

test('an unknown path is 404', async () => {
  await using app = await startTestApp()
  for (const path of ['/nope', '/users/1', '/profile/me', '/Users', '/reset_password/x']) {
    assertRefused(await app.request('GET', path), 404, 'not_found')
    assertRefused(await app.request('POST', path), 404, 'not_found')
  }
})

test('a wrong method is 405 with the methods that the path has', async () => {
  await using app = await startTestApp()
  const wrong: [string, string, string][] = [
    ['POST', '/', 'GET, HEAD, OPTIONS'],
    ['GET', '/users', 'POST, OPTIONS'],
    ['DELETE', '/users', 'POST, OPTIONS'],
    ['PATCH', '/sessions', 'POST, PUT, DELETE, GET, HEAD, OPTIONS'],
    ['POST', '/profile', 'GET, HEAD, OPTIONS'],
    ['GET', '/reset_password', 'POST, PUT, OPTIONS'],
    ['DELETE', '/reset_password', 'POST, PUT, OPTIONS'],
  ]
  for (const [method, path, allow] of wrong) {
    const answer = await app.request(method, path)
    assertRefused(answer, 405, 'method_not_allowed')
    assert.deepEqual(answer.headers.get('allow')?.split(', ').sort(), allow.split(', ').sort(), `${method} ${path}`)
  }
})

test('a trailing slash is accepted on every route', async () => {
  await using app = await startTestApp()
  const form = { email: EMAIL, password: PASSWORD }
  assertAnswered(await app.request('POST', '/users/', { form }), { email: EMAIL, message: 'user created' })
  const session = sessionOf(await app.request('POST', '/sessions/', { form })) ?? ''
  assertAnswered(await app.request('GET', '/profile/', { session }), { email: EMAIL })
  assert.equal((await app.request('DELETE', '/sessions/', { session })).status, 302)
  const asked = await app.request('POST', '/reset_password/', { form })
  const reset = { email: EMAIL, reset_token: asked.json.reset_token, new_password: NEW_PASSWORD }
  assertAnswered(await app.request('PUT', '/reset_password/', { form: reset }), { email: EMAIL, message: 'Password updated' })
})

test('a new reset token supersedes the earlier one, and a used one is dead', async () => {
  await using app = await appWithUser()
  const put = (reset_token: string, new_password: string) =>
    app.request('PUT', '/reset_password', { form: { email: EMAIL, reset_token, new_password } })
  const first = await askReset(app)
  const second = await askReset(app)
  assert.notEqual(first, second)
  assertRefused(await put(first, 'one'), 403, 'reset_token_invalid')
  assert.equal((await put(second, 'two')).status, 200)
  assertRefused(await put(second, 'three'), 403, 'reset_token_invalid')
  assert.equal(await logInStatus(app, EMAIL, 'two'), 200)
})

test('asking for a reset token ends no session and blocks no login', async () => {
  await using app = await appWithUser()
  const session = await app.logIn(EMAIL, PASSWORD)
  await askReset(app)
  assertAnswered(await app.request('GET', '/profile', { session }), { email: EMAIL })
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
})

function asMultipart(fields: Record<string, string>): TestRequest {
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.set(name, value)
  return { body }
}

for (const [type, send] of [
  ['application/x-www-form-urlencoded', (fields: Record<string, string>): TestRequest => ({ form: fields })],
  ['multipart/form-data', asMultipart],
  ['application/json', (fields: Record<string, string>): TestRequest => ({ json: fields })],
] as const) {
  test(`${type} bodies work on every route, with "+", "&", "%", spaces and accents kept`, async () => {
    await using app = await startTestApp()
    const [email, password, next] = ['a.b+tag@me.com', 'p+a&s=s%20 wörd', 'né+w&100% ✓']
    assertAnswered(await app.request('POST', '/users', send({ email, password })), { email, message: 'user created' })
    const login = await app.request('POST', '/sessions', send({ email, password }))
    assertAnswered(login, { email, message: 'logged in' })
    assertAnswered(await app.request('GET', '/profile', { session: sessionOf(login) ?? '' }), { email })
    const asked = await app.request('POST', '/reset_password', send({ email }))
    const reset = send({ email, reset_token: asked.json.reset_token, new_password: next })
    assertAnswered(await app.request('PUT', '/reset_password', reset), { email, message: 'Password updated' })
    assertAnswered(await app.request('POST', '/sessions', send({ email, password: next })), { email, message: 'logged in' })
  })
}

test('clients log in five times within two seconds from one address, each time into a session of its own', async () => {
  await using app = await appWithUser()
  const sessions = new Set<string>()
  for (let login = 1; login <= 5; login++) sessions.add(await app.logIn(EMAIL, PASSWORD))
  assert.equal(sessions.size, 5)
  for (const session of sessions) assertAnswered(await app.request('GET', '/profile', { session }), { email: EMAIL })
})

test('five wrong passwords at once block no right one in between', async () => {
  await using app = await appWithUser()
  for (let attempt = 1; attempt <= 4; attempt++) assert.equal(await logInStatus(app, EMAIL, 'wrong'), 401)
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
})

test('registering with an address or password that is missing, empty or malformed is 400 and names the field', async () => {
  await using app = await startTestApp()
  const cases: [Record<string, string>, string, 'field_required' | 'field_invalid'][] = [
    [{ password: PASSWORD }, 'email', 'field_required'],
    [{ email: '', password: PASSWORD }, 'email', 'field_required'],
    [{ email: 'guillaume', password: PASSWORD }, 'email', 'field_invalid'],
    [{ email: 'a b@me.com', password: PASSWORD }, 'email', 'field_invalid'],
    [{ email: EMAIL }, 'password', 'field_required'],
    [{ email: EMAIL, password: '' }, 'password', 'field_required'],
  ]
  for (const [form, field, code] of cases) {
    const answer = await app.request('POST', '/users', { form })
    assertRefused(answer, 400, code, { field })
    assert.match(answer.json.message, new RegExp(`"${field}"`))
  }
  await assert.rejects(app.auth.findUserBy({ email: EMAIL }))
})

test("PUT /reset_password with another user's address, or without one, is 403 and consumes nothing", async () => {
  await using app = await appWithUser()
  await app.register('bob@bob.com', 'mySuperPwd')
  const reset_token = await askReset(app)
  const put = (form: Record<string, string>) =>
    app.request('PUT', '/reset_password', { form: { reset_token, new_password: NEW_PASSWORD, ...form } })
  for (const form of [{ email: 'bob@bob.com' }, { email: 'nobody@me.com' }, { email: '' }, {}] as Record<string, string>[]) {
    assertRefused(await put(form), 403, 'reset_token_invalid')
  }
  assert.equal(await logInStatus(app, 'bob@bob.com', 'mySuperPwd'), 200)
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
  assert.equal((await put({ email: EMAIL })).status, 200)
})

test('PUT /reset_password with a missing or empty new password is 400 and consumes nothing', async () => {
  await using app = await appWithUser()
  const form = { email: EMAIL, reset_token: await askReset(app) }
  assertRefused(await app.request('PUT', '/reset_password', { form }), 400, 'field_required', { field: 'new_password' })
  const empty = { ...form, new_password: '' }
  assertRefused(await app.request('PUT', '/reset_password', { form: empty }), 400, 'field_required', { field: 'new_password' })
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
  assert.equal((await app.request('PUT', '/reset_password', { form: { ...form, new_password: NEW_PASSWORD } })).status, 200)
})

/** CONTRACT task 20, as its test does it. */
async function endToEnd(app: TestApp, email: string): Promise<void> {
  const form = { email, password: PASSWORD }
  assertAnswered(await app.request('POST', '/users', { form }), { email, message: 'user created' })
  const taken = await app.request('POST', '/users', { form })
  assert.deepEqual([taken.status, taken.json], [400, { message: 'email already registered' }])
  assert.equal((await app.request('POST', '/sessions', { form: { email, password: NEW_PASSWORD } })).status, 401)
  assert.equal((await app.request('GET', '/profile')).status, 403)
  const login = await app.request('POST', '/sessions', { form })
  assertAnswered(login, { email, message: 'logged in' })
  const session = sessionOf(login) ?? ''
  assertAnswered(await app.request('GET', '/profile', { session }), { email })
  const logout = await app.request('DELETE', '/sessions', { session })
  assert.equal(logout.status, 302)
  assertAnswered(await app.request('GET', logout.headers.get('location') ?? ''), { message: 'Bienvenue' })
  const asked = await app.request('POST', '/reset_password', { form: { email } })
  assertAnswered(asked, { email, reset_token: asked.json.reset_token })
  const reset = { email, reset_token: asked.json.reset_token, new_password: NEW_PASSWORD }
  assertAnswered(await app.request('PUT', '/reset_password', { form: reset }), { email, message: 'Password updated' })
  assertAnswered(await app.request('POST', '/sessions', { form: { email, password: NEW_PASSWORD } }), { email, message: 'logged in' })
}

test('the end-to-end test of the contract passes, and passes again with a second address', async () => {
  await using app = await startTestApp()
  await endToEnd(app, EMAIL)
  await endToEnd(app, 'second@holberton.io')
})

test('the end-to-end test passes on a database that a restart found again, with another address', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  for (const email of [EMAIL, 'second@holberton.io']) {
    await using app = await startTestApp({ databaseUrl })
    await endToEnd(app, email)
  }
})

test('defect 1: PUT /reset_password without a reset token takes over no account that never asked for one', async () => {
  await using app = await appWithUser()
  for (const token of [{}, { reset_token: '' }, { reset_token: 'null' }, { reset_token: 'None' }]) {
    const form = { email: EMAIL, new_password: 'mallory', ...token }
    assertRefused(await app.request('PUT', '/reset_password', { form }), 403, 'reset_token_invalid')
  }
  const nothing = await app.request('PUT', '/reset_password', { json: { email: EMAIL, reset_token: null, new_password: 'mallory' } })
  assert.ok(nothing.status >= 400 && nothing.status < 500)
  assert.equal(await logInStatus(app, EMAIL, 'mallory'), 401)
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
})

test('defect 2: POST /users without an address leaves the service working', async () => {
  await using app = await startTestApp()
  for (const form of [{ password: PASSWORD }, {}] as Record<string, string>[]) {
    assert.equal((await app.request('POST', '/users', { form })).status, 400)
  }
  await endToEnd(app, EMAIL)
})

for (const [kind, makeDatabase] of Object.entries({ fresh: freshDatabase, kept: keptDatabase })) {
  test(`defect 3: parallel registrations all succeed, and of one address exactly one does (${kind} database)`, async () => {
    await using database = await makeDatabase()
    await using app = await startTestApp({ databaseUrl: database.url })
    const different = Array.from({ length: 12 }, (_, at) => ({ email: `user${at}@me.com`, password: PASSWORD }))
    const answers = await Promise.all(different.map((form) => app.request('POST', '/users', { form })))
    assert.deepEqual(
      answers.map(({ json }) => json),
      different.map(({ email }) => ({ email, message: 'user created' })),
    )
    const same = Array.from({ length: 12 }, (_, at) => ({ email: at % 2 ? EMAIL : EMAIL.toUpperCase(), password: `pw${at}` }))
    const raced = await Promise.all(same.map((form) => app.request('POST', '/users', { form })))
    assert.deepEqual(raced.map(({ status }) => status).sort(), [200, ...Array.from({ length: 11 }, () => 400)])
    const winner = same[raced.findIndex(({ status }) => status === 200)]
    assert.equal(await logInStatus(app, EMAIL, winner?.password ?? ''), 200)
    await endToEnd(app, 'afterwards@me.com')
  })
}

test('defect 4: a restart keeps users, sessions and reset tokens', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  let session: string
  let reset_token: string
  {
    await using app = await startTestApp({ databaseUrl })
    await app.register(EMAIL, PASSWORD)
    session = await app.logIn(EMAIL, PASSWORD)
    reset_token = await askReset(app)
  }
  await using app = await startTestApp({ databaseUrl })
  assertAnswered(await app.request('GET', '/profile', { session }), { email: EMAIL })
  assert.equal(await logInStatus(app, EMAIL, PASSWORD), 200)
  const form = { email: EMAIL, reset_token, new_password: NEW_PASSWORD }
  assertAnswered(await app.request('PUT', '/reset_password', { form }), { email: EMAIL, message: 'Password updated' })
})

test('defect 5: a login without a password is the same 401 for a known address and an unknown one', async () => {
  await using app = await appWithUser()
  const answers = await Promise.all(
    [EMAIL, 'bob@bob.com'].map(async (email) => {
      const answer = await app.request('POST', '/sessions', { form: { email } })
      assertRefused(answer, 401, 'login_refused')
      return answer.text.replace(answer.json.request_id, '')
    }),
  )
  assert.equal(answers[0], answers[1])
})

test('defect 6: a password counts to its last byte, beyond 72 and behind a NUL', async () => {
  await using app = await startTestApp()
  const long = `${'x'.repeat(72)}end`
  const withNul = 'begin\u0000end'
  await app.register('long@me.com', long)
  await app.register('nul@me.com', withNul)
  assert.equal(await logInStatus(app, 'long@me.com', 'x'.repeat(72)), 401)
  assert.equal(await logInStatus(app, 'long@me.com', `${'x'.repeat(72)}END`), 401)
  assert.equal(await logInStatus(app, 'long@me.com', long), 200)
  assert.equal(await logInStatus(app, 'nul@me.com', 'begin'), 401)
  assert.equal(await logInStatus(app, 'nul@me.com', 'begin\u0000END'), 401)
  assert.equal(await logInStatus(app, 'nul@me.com', withNul), 200)
  const form = { email: 'nul@me.com', reset_token: await askReset(app, 'nul@me.com'), new_password: 'new\u0000word' }
  assert.equal((await app.request('PUT', '/reset_password', { form })).status, 200)
  assert.equal(await logInStatus(app, 'nul@me.com', 'new'), 401)
  assert.equal(await logInStatus(app, 'nul@me.com', 'new\u0000word'), 200)
})

test('defect 7: an empty password or address is never stored', async () => {
  await using app = await appWithUser()
  for (const form of [
    { email: '', password: PASSWORD },
    { email: 'empty@me.com', password: '' },
    { email: '', password: '' },
  ]) {
    assert.equal((await app.request('POST', '/users', { form })).status, 400)
    assert.equal((await app.request('POST', '/sessions', { form })).status, 401)
  }
  const form = { email: EMAIL, reset_token: await askReset(app), new_password: '' }
  assert.equal((await app.request('PUT', '/reset_password', { form })).status, 400)
  assert.equal(await logInStatus(app, EMAIL, ''), 401)
  const users = await app.auth.deps.database.reads.selectFrom('users').select('email').execute()
  assert.deepEqual(
    users.map(({ email }) => email),
    [EMAIL],
  )
})

test('no password, session or reset token of a whole journey reaches the log', async () => {
  await using app = await startTestApp()
  const secrets = ['canaryPassword1', 'canaryPassword2', 'canaryWrong3']
  const [password = '', next = '', wrong = ''] = secrets
  await app.register(EMAIL, password)
  secrets.push(await app.logIn(EMAIL, password))
  await logInStatus(app, EMAIL, wrong)
  const reset_token = await askReset(app)
  secrets.push(reset_token)
  await app.request('PUT', `/reset_password?reset_token=${reset_token}`, { form: { email: EMAIL, reset_token, new_password: next } })
  await app.request('GET', `/${reset_token}`)
  const log = JSON.stringify(app.logLines)
  assert.ok(app.logLines.length >= 6)
  for (const secret of secrets) assert.ok(!log.includes(secret), secret)
})
