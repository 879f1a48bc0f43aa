import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, issueOne, openForm, startForManyClients } from '../every-token.ts'
import { GOOD_PASSWORD } from '../hardened-app.ts'
import { operationsOf } from '../openapi-operations.ts'
import { rawJson } from '../raw-request.ts'
import { assertRefused } from '../refusals.ts'
import { addPasskey, assertionFor, enrolTotp, ticketOf, totpCode } from '../second-factors.ts'
import { startTestApp } from '../test-app.ts'

const ANN = 'ann@example.com'
const NEXT_PASSWORD = 'another long passphrase'

test('Authelia CVE-2021-32637, Auth.js CVE-2026-73421 and GHSA-xmf8-cvqr-rfgj: what cannot be read is refused, and breaks nothing (R264, R265, R276)', async () => {
  await using app = await startForManyClients()
  await addUser(app, ANN)
  const session = await app.logIn(ANN, GOOD_PASSWORD)
  const own = `Cookie: session_id=${session}`
  const targets = [
    '/%zz',
    '/account%',
    '/account/%2e%2e',
    '/..;/account',
    '//account',
    '/account%00',
    '/account\x00',
    '/%2Faccount',
    '/account%2F',
    '/./account',
    '/x/../account',
    '/account;a=b',
    '/account\\',
    '*',
    `http://evil.example/account`,
    `//evil.example/account`,
    '/ACCOUNT',
    '/account\xff',
    '/%c0%af/account',
    '/account#x',
    'account',
    '/a ccount',
    `/account/${'a'.repeat(9_000)}`,
  ]
  for (const target of targets) {
    const { status } = await rawJson(app.url, `GET ${target}`, [own])
    assert.ok(status >= 400 && status < 500, `${JSON.stringify(target.slice(0, 30))} ${status}`)
  }
  const cookies = [
    `session_id=${session}; session_id=${session}`,
    `session_id=${session}, session_id=x`,
    `session_id="${session}"`,
    `SESSION_ID=${session}`,
    `session_id =${session}`,
    `session_id=${session.slice(0, -1)}%${session.slice(-1)}`,
    `session_id[]=${session}`,
    `__Host-session_id=${session}`,
    `x=session_id=${session}`,
    `session_id=${encodeURIComponent(`"${session}"`)}`,
    'session_id=',
    'session_id',
    ';;;=;',
    'session_id=%zz',
    'session_id=null',
    'session_id=[object Object]',
    'session_id={"user":{}}',
    `\xff\xfe${session}`,
    `session_id=${'x'.repeat(5_000)}`,
  ]
  for (const cookie of cookies)
    assert.equal((await rawJson(app.url, 'GET /account', [`Cookie: ${cookie}`])).status, 403, cookie.slice(0, 60))
  const bare = [
    'Authorization: Bearer',
    `Authorization: Bearer ${session}`,
    'Authorization: Basic !!!',
    'Authorization: \xff\xfe',
    'Accept-Language: *;q=x,\xff',
    'Accept: ;;;',
    'If-None-Match: \xff',
    'X-Forwarded-For: \xff, ,',
    'Content-Type: \xff',
    'Sec-Fetch-Site: \xff',
    'Cookie: \xff',
    'Range: bytes=-',
    'Expect: x',
    'Upgrade: h2c',
    'Content-Length: x',
    'Transfer-Encoding: \xff',
    'A\x00B: c',
    ': x',
    'X: a\x00b',
  ]
  for (const header of bare) {
    for (const start of ['GET /account', 'DELETE /sessions']) {
      const { status } = await rawJson(app.url, start, [header])
      // Only the connection of what Node itself cannot read ends without a word.
      assert.ok(status >= 400 && status < 500, `${JSON.stringify(header)} ${status}`)
    }
  }
  assert.equal((await rawJson(app.url, 'GET /account', [own])).status, 200)
})

test('Auth.js CVE-2026-73421: where the sessions cannot be read, nobody is let in (R276)', async () => {
  await using app = await startForManyClients()
  await addUser(app, ANN)
  const session = await app.logIn(ANN, GOOD_PASSWORD)
  await app.auth.deps.database.inTransaction((tx) => tx.schema.alterTable('sessions').renameTo('lost').execute())
  for (const { method, path } of (await operationsOf(app)).filter(({ needsSession }) => needsSession)) {
    const answer = await app.request(method, path, { session })
    assert.ok(answer.status >= 500, `${method} ${path} ${answer.status}`)
    assert.doesNotMatch(answer.text + [...answer.headers].join(), /ann@|lost|sessions"|select/)
  }
  assert.equal((await app.request('GET', '/healthz')).status, 200)
})

/** What a client must never decide. */
const PROTECTED: Readonly<Record<string, unknown>> = {
  id: 'f'.repeat(36),
  user_id: 'f'.repeat(36),
  external_id: '7',
  email_canonical: 'eve@evil.example',
  email_verified: true,
  emailVerified: true,
  email_verified_at: 1,
  verified: true,
  role: 'admin',
  roles: ['admin'],
  is_admin: true,
  admin: true,
  disabled: false,
  disabled_at: 1,
  status: 'active',
  hashed_password: 'x',
  password_hash: 'x',
  password_changed_at: 1,
  created_at: 0,
  amr: ['pwd', 'otp'],
  authenticated_at: '2030-01-01T00:00:00Z',
}

test('ZITADEL CVE-2026-27946: fields that are not the client’s to write are dropped or refused by every route, and stay as they are (R113, R246)', async () => {
  // In classic, users without a verified address have sessions: there would be something to gain.
  await using app = await startTestApp()
  await app.register(ANN, GOOD_PASSWORD)
  const { reads } = app.auth.deps.database
  const kept = () =>
    reads
      .selectFrom('users')
      .select(['id', 'external_id', 'email', 'email_canonical', 'email_verified_at', 'disabled_at', 'created_at'])
      .execute()
  const before = await kept()
  const own: Readonly<Record<string, unknown>> = {
    email: ANN,
    password: GOOD_PASSWORD,
    current_password: GOOD_PASSWORD,
    new_password: GOOD_PASSWORD,
    name: 'Ann',
  }
  const dropping = new Set<string>()
  for (const { method, path, fields } of (await operationsOf(app)).filter((one) => one.method !== 'GET')) {
    for (const form of [false, true]) {
      const session = await app.logIn(ANN, GOOD_PASSWORD)
      const reset_token = path === '/reset_password' ? await app.auth.getResetPasswordToken(ANN) : 'x'
      const body: Record<string, unknown> = { ...PROTECTED }
      for (const field of fields) if (field in own || field === 'reset_token') body[field] = { ...own, reset_token }[field]
      const flat = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, String(value)]))
      const { status } = await app.request(method, path.replace('{id}', 'x'), { session, ...(form ? { form: flat } : { json: body }) })
      assert.ok(status < 500, `${method} ${path} ${status}`)
      if (status < 400) dropping.add(`${method} ${path}`)
    }
  }
  const session = await app.logIn(ANN, GOOD_PASSWORD)
  for (const [field, value] of Object.entries(PROTECTED))
    assertRefused(await app.request('PATCH', '/account', { session, json: { name: 'Ann', [field]: value } }), 400, 'field_unknown', {
      field,
    })
  assert.equal(
    (await app.request('PATCH', '/account', { session, json: { metadata: { email_verified: true, role: 'admin' } } })).status,
    200,
  )
  assert.deepEqual(await kept(), before)
  for (const { amr } of await reads.selectFrom('sessions').select('amr').execute()) assert.equal(amr, 'pwd')
  const { user } = (await app.request('GET', '/sessions/current', { session })).json
  assert.deepEqual([user.id, user.email_verified, user.external_id], [before[0]?.id, false, null])
  // The contract's routes drop what they do not know; all others refuse it.
  assert.deepEqual([...dropping].toSorted(), ['DELETE /sessions', 'POST /reset_password', 'POST /sessions', 'PUT /reset_password'])

  await using hardened = await startForManyClients()
  await hardened.request('POST', '/users', { json: { email: ANN, password: GOOD_PASSWORD, ...PROTECTED } })
  assertRefused(await hardened.logInAnswer(ANN, GOOD_PASSWORD), 401, 'login_refused')
})

const ABSENT = Symbol('absent')

test('next-auth CVE-2023-27490, Logto CVE-2026-15612, Better Auth CVE-2026-45337: a check whose input is missing, null, empty or of another type fails (R277)', async () => {
  await using app = await startForManyClients()
  const { formId, formToken } = await openForm(app)
  const [reset, link, code, change, pending] = [
    await issueOne(app, 'reset link', 'reset@example.com'),
    await issueOne(app, 'login link', 'link@example.com'),
    await issueOne(app, 'login code', 'code@example.com'),
    await issueOne(app, 'change, old address', 'change@example.com'),
    await issueOne(app, 'link of a registration', 'pending@example.com'),
  ]
  const [formCode, formReset, formLink, formChange, formPending, formRefused] = [
    await issueOne(app, 'login code', 'code2@example.com'),
    await issueOne(app, 'reset link', 'reset2@example.com'),
    await issueOne(app, 'login link', 'link2@example.com'),
    await issueOne(app, 'change, new address', 'change2@example.com'),
    await issueOne(app, 'link of a registration', 'pending2@example.com'),
    await issueOne(app, 'link of a registration', 'pending3@example.com'),
  ]
  const password = GOOD_PASSWORD
  await addUser(app, 'strong@example.com')
  const { secret, recoveryCodes, session: withApp } = await enrolTotp(app, await app.logIn('strong@example.com', password))
  const { authenticator } = await addPasskey(app, withApp)
  const newTicket = () => ticketOf(app, 'strong@example.com', password)
  const ticket = await newTicket()
  const form = (token: string) => ({ form_token: formToken, token })
  /** Bodies that are good, if nothing is wrong with them. */
  const bodies: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
    'POST /users': [{ email: 'fresh@example.com', password }],
    'POST /sessions': [
      { email: 'code@example.com', password },
      { email: code.email, code: code.value },
      { token: link.value },
      { passkey: await assertionFor(app, authenticator) },
    ],
    'PUT /sessions': [
      { ticket: await newTicket(), totp_code: totpCode(app, secret) },
      { ticket: await newTicket(), recovery_code: recoveryCodes[0] },
      { ticket, passkey: await assertionFor(app, authenticator, ticket) },
    ],
    'POST /sessions/passkey_options': [{ ticket: await newTicket() }],
    'POST /reset_password': [{ email: reset.email }],
    'PUT /reset_password': [{ email: reset.email, reset_token: reset.value, new_password: NEXT_PASSWORD }],
    'POST /email_verification': [{ email: pending.email }],
    'PUT /email_verification': [{ token: pending.value, password }],
    'POST /login_codes': [{ email: link.email }],
    'PUT /account/email': [{ token: change.value }],
    'POST /forms/verify': [{ ...form(formPending.value), password }],
    'POST /forms/refuse-verification': [form(formRefused.value)],
    'POST /forms/reset': [{ ...form(formReset.value), password: NEXT_PASSWORD }],
    'POST /forms/login-link': [form(formLink.value)],
    'POST /forms/address': [form(formChange.value)],
    'POST /forms/login': [{ form_token: formToken, email: 'code@example.com', password }],
    'POST /forms/login-with-code': [{ form_token: formToken, email: formCode.email, code: formCode.value }],
    'POST /forms/register': [{ form_token: formToken, email: 'fresh2@example.com', password }],
    'POST /forms/request-login-code': [{ form_token: formToken, email: link.email }],
    'POST /forms/request-reset': [{ form_token: formToken, email: reset.email }],
    'POST /forms/request-verification': [{ form_token: formToken, email: pending.email }],
  }
  const documented = (await operationsOf(app)).filter((one) => !one.needsSession && one.fields.length > 0)
  for (const { method, path, fields } of documented) {
    const known = bodies[`${method} ${path}`]
    assert.ok(known, `${method} ${path} has no good body in this test`)
    for (const field of fields)
      assert.ok(
        known.some((body) => field in body),
        `${method} ${path} ${field}`,
      )
  }
  const send = (route: string, json: object) => {
    const [method = '', path = ''] = route.split(' ')
    return app.request(method, path, { json, headers: { cookie: `form_id=${formId}` } })
  }
  let refusals = 0
  for (const [route, goods] of Object.entries(bodies)) {
    for (const good of goods) {
      for (const field of Object.keys(good)) {
        for (const value of [ABSENT, null, '', [], [good[field]], {}, 0, true, false, 12_345]) {
          // The token proves the address; the password is for pages that want to make sure of more.
          if (route === 'PUT /email_verification' && field === 'password' && value === ABSENT) continue
          // Without a ticket it is another question: who are you?
          if (route === 'POST /sessions/passkey_options' && value === ABSENT) continue
          const { [field]: _left, ...rest } = good
          const { status, text } = await send(route, value === ABSENT ? rest : { ...rest, [field]: value })
          assert.ok(status >= 400 && status < 500 && status !== 429, `${route} ${field} ${String(value)}: ${status} ${text}`)
          refusals++
        }
      }
    }
  }
  assert.ok(refusals > 200)
  // `POST /email_verification` and the like take an earlier link's place: what is consumed comes first.
  for (const [route, goods] of Object.entries(bodies).toSorted(
    ([a], [b]) => Number(a.startsWith('POST /e')) - Number(b.startsWith('POST /e')),
  ))
    for (const good of goods) {
      const { status } = await send(route, good)
      assert.ok(status === 200 || (status === 303 && route.startsWith('POST /forms/')), `${route} ${JSON.stringify(good)} ${status}`)
    }
})
