import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, issueOne, openForm, startForManyClients } from '../every-token.ts'
import { keptDatabase } from '../fresh-database.ts'
import { GOOD_PASSWORD } from '../hardened-app.ts'
import { codeIn, tokenIn } from '../mail-links.ts'
import { operationsOf } from '../openapi-operations.ts'
import { assertPageRefused, assertRefused, refused } from '../refusals.ts'
import { cookieOf, deviceCookieOf } from '../set-cookie.ts'
import { sessionOf } from '../test-app.ts'

const ANN = 'ann@example.com'
const BOB = 'bob@example.com'

test('Better Auth GHSA-xg6x-h9c9-2m83: a session that ends at one of two services is over at the other, at once and on every route (R073)', async () => {
  await using database = await keptDatabase()
  await using one = await startForManyClients({}, { databaseUrl: database.url })
  await using two = await startForManyClients({}, { databaseUrl: database.url, clock: one.clock })
  await addUser(one, ANN)
  const routes = (await operationsOf(two)).filter(({ needsSession }) => needsSession)
  const enders: Record<string, (session: string) => Promise<unknown>> = {
    logout: (session) => one.request('DELETE', '/sessions', { session }),
    others: async () => one.request('DELETE', '/sessions/others', { session: await one.logIn(ANN, GOOD_PASSWORD) }),
    reset: async () => one.auth.updatePassword(await one.auth.getResetPasswordToken(ANN), GOOD_PASSWORD),
    renewal: (session) => one.request('POST', '/reauthentication', { session, json: { password: GOOD_PASSWORD } }),
  }
  for (const [name, end] of Object.entries(enders)) {
    const session = await one.logIn(ANN, GOOD_PASSWORD)
    for (const app of [one, two]) assert.equal((await app.request('GET', '/account', { session })).status, 200)
    await end(session)
    for (const app of [two, one, two])
      for (const { method, path } of routes) assertRefused(await app.request(method, path, { session }), 403, 'session_required')
    assert.equal(await two.auth.getUserFromSessionId(session), null, name)
  }
})

test('@better-auth/expo CVE-2026-121802: what is signed for a browser with an id of its own choice is worth nothing elsewhere (R235)', async () => {
  await using app = await startForManyClients()
  const { deps } = app.auth
  const userId = await addUser(app, ANN)
  await app.request('POST', '/login_codes', { json: { email: ANN } })
  const code = codeIn((await app.newMails()).at(-1)).replace('-', '')
  const stored = [
    ...(await deps.database.reads.selectFrom('login_codes').select('code_digest as digest').execute()),
    ...(await deps.database.reads.selectFrom('mails').select('recipient_digest as digest').execute()),
  ].map(({ digest }) => digest)
  const id = 'A'.repeat(43)
  const signed = new Set<string>()
  for (const session of ['', ANN, `${userId} ${code}`, 'B'.repeat(43), `${id} `, '["event"]', '["head",0]']) {
    const cookie = `form_id=${id}; session_id=${session}`
    const { formToken } = await openForm(app, cookie)
    assert.match(formToken, /^[0-9a-f]{64}$/)
    assert.ok(!stored.includes(formToken), session)
    signed.add(formToken)
    const form = { form_token: formToken, token: 'x'.repeat(43) }
    // It is good for the very same cookies, and for no others.
    assert.equal((await app.request('POST', '/forms/login-link', { form, headers: { cookie } })).status, 401)
    for (const other of [
      `form_id=${id}; session_id=${session}x`,
      `form_id=${'C'.repeat(43)}; session_id=${session}`,
      `session_id=${session}`,
    ])
      assertPageRefused(await app.request('POST', '/forms/login-link', { form, headers: { cookie: other } }), 403, 'cross_site_refused')
  }
  assert.equal(signed.size, 7)
})

test('Keycloak CVE-2025-12390: who logs in on a browser that another began something in gets nothing of it (R059, R075)', async () => {
  await using app = await startForManyClients()
  const [annId, bobId] = [await addUser(app, ANN), await addUser(app, BOB)]
  const hers = await app.logInAnswer(ANN, GOOD_PASSWORD)
  const [session, device] = [cookieOf(hers).value, deviceCookieOf(hers)?.value]
  const form = await openForm(app, `session_id=${session}`)
  const jar = `session_id=${session}; device_id=${device}; form_id=${form.formId}`
  await app.request('POST', '/account/email', { session, json: { email: 'new@example.com' } })
  await app.request('POST', '/login_codes', { json: { email: ANN }, headers: { cookie: jar } })
  const mails = await app.newMails()
  const code = codeIn(mails.find(({ kind }) => kind === 'login_code'))

  const answer = await app.logInAnswer(BOB, GOOD_PASSWORD, jar)
  const his = cookieOf(answer).value
  assert.notEqual(deviceCookieOf(answer)?.value ?? device, device)
  assertRefused(await app.request('GET', '/account', { session }), 403, 'session_required')
  const after = `session_id=${his}; device_id=${device}; form_id=${form.formId}`
  const fields = { form_token: form.formToken, token: 'x'.repeat(43) }
  assertPageRefused(await app.request('POST', '/forms/login-link', { form: fields, headers: { cookie: after } }), 403, 'cross_site_refused')
  // Her code is not his, and what she began is hers.
  const typed = await app.request('POST', '/sessions', { json: { email: BOB, code }, headers: { cookie: after } })
  assertRefused(typed, 401, 'login_refused')
  for (const mail of mails.filter(({ kind }) => /address/.test(kind)))
    assert.equal((await app.request('PUT', '/account/email', { json: { token: tokenIn(mail) }, headers: { cookie: after } })).status, 200)
  assert.equal((await app.request('GET', '/account', { session: his })).json.email, BOB)
  const emailOf = async (id: string) => (await app.auth.findUserBy({ id })).email
  assert.deepEqual([await emailOf(annId), await emailOf(bobId)], ['new@example.com', BOB])
})

test('a verification link that is opened where somebody else is logged in leaves them logged in, and logs nobody in (R112)', async () => {
  await using app = await startForManyClients()
  await addUser(app, ANN)
  const session = await app.logIn(ANN, GOOD_PASSWORD)
  const { value } = await issueOne(app, 'link of a registration', BOB)
  const { formId, formToken } = await openForm(app, `session_id=${session}`)
  const headers = { cookie: `session_id=${session}; form_id=${formId}` }
  const page = await app.request('GET', `/verify?token=${value}`, { headers })
  assert.equal(page.status, 200)
  await assert.rejects(app.auth.findUserBy({ email: BOB }), refused('user_not_found'))
  const done = await app.request('POST', '/forms/verify', {
    form: { form_token: formToken, token: value, password: GOOD_PASSWORD },
    headers,
  })
  assert.equal(done.status, 200)
  for (const answer of [page, done]) assert.equal(sessionOf(answer), null)
  assert.equal((await app.request('GET', '/account', { session })).json.email, ANN)
  assert.equal((await app.auth.findUserBy({ email: BOB })).emailVerified, true)
})

test('@fastify/passport GHSA-2ccf-ffrj-m4qw, passport CVE-2022-25896: a form’s token and a session’s id of before a login are nothing after it (R059, R086)', async () => {
  await using app = await startForManyClients()
  await addUser(app, ANN)
  const planted = 'P'.repeat(43)
  for (const before of ['', planted, await app.logIn(ANN, GOOD_PASSWORD)]) {
    const form = await openForm(app, `session_id=${before}`)
    const fields = { form_token: form.formToken, token: 'x'.repeat(43) }
    const submit = (session: string) =>
      app.request('POST', '/forms/login-link', { form: fields, headers: { cookie: `session_id=${session}; form_id=${form.formId}` } })
    assert.equal((await submit(before)).status, 401)
    const after = cookieOf(await app.logInAnswer(ANN, GOOD_PASSWORD, `session_id=${before}; form_id=${form.formId}`)).value
    assert.notEqual(after, before)
    assertPageRefused(await submit(after), 403, 'cross_site_refused')
    assertRefused(await app.request('GET', '/account', { session: before }), 403, 'session_required')
    const proved = await app.request('POST', '/reauthentication', { session: after, json: { password: GOOD_PASSWORD } })
    assert.notEqual(sessionOf(proved), after)
    assertRefused(await app.request('GET', '/account', { session: after }), 403, 'session_required')
  }
})
