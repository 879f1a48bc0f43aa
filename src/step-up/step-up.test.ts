import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verified } from '../../test/audit-log.ts'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { sessionOf, startTestApp } from '../../test/test-app.ts'

const EMAIL = 'ann@example.com'

/** What the account stands on. Ending a session asks for nothing, and a change of password carries its own proof. */
const GUARDED = [
  ['POST', '/account/email', { email: 'ann@new.example' }],
  ['GET', '/account/export', undefined],
  ['DELETE', '/account', undefined],
] as const

test('each guarded route refuses eleven minutes after the login without an effect, and takes the same request after a step-up (R167)', async () => {
  for (const [method, path, json] of GUARDED) {
    await using app = await startHardenedApp()
    await app.registerVerified(EMAIL)
    const session = await app.logIn(EMAIL, GOOD_PASSWORD)
    app.clock.advance(660)
    const ask = (token: string) => app.request(method, path, { session: token, ...(json && { json }) })
    assertRefused(await ask(session), 403, 'step_up_required')
    assert.equal((await app.request('GET', '/account', { session })).json.email, EMAIL)
    const stepUp = await app.request('POST', '/reauthentication', { session, json: { password: GOOD_PASSWORD } })
    assertAnswered(stepUp, { message: 'reauthenticated' })
    const renewed = sessionOf(stepUp) ?? ''
    assertRefused(await app.request('GET', '/profile', { session }), 403, 'session_required')
    assert.equal((await ask(renewed)).status, 200, path)
  }
})

test('a step-up lasts ten minutes', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  app.clock.advance(600)
  assert.equal((await app.request('GET', '/account/export', { session })).status, 200)
  app.clock.advance(1)
  assertRefused(await app.request('GET', '/account/export', { session }), 403, 'step_up_required')
})

test('a wrong password is no step-up, and counts where every password counts (R045)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  const tryIt = (password: string) => app.request('POST', '/reauthentication', { session, json: { password } })
  for (let at = 0; at < 5; at++) assertRefused(await tryIt('wrong'), 403, 'password_wrong')
  assertRefused(await tryIt(GOOD_PASSWORD), 429, 'too_many_attempts')
  assertRefused(await app.logInAnswer(EMAIL, GOOD_PASSWORD), 429, 'too_many_attempts')
})

test('a mailed code is no step-up for a user who has a password, and is one for a user who has none (R168)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const byCode = async () => {
    await app.request('POST', '/login_codes', { json: { email: EMAIL } })
    const answer = await app.request('POST', '/sessions', { json: { email: EMAIL, code: codeIn((await app.newMails())[0]) } })
    return sessionOf(answer) ?? ''
  }
  assertRefused(await app.request('GET', '/account/export', { session: await byCode() }), 403, 'step_up_required')
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
  assert.equal((await app.request('GET', '/account/export', { session: await byCode() })).status, 200)
})

test('a session that an application made proves nothing, until its user does', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, 'pw')
  const session = (await app.auth.createSession(EMAIL)) ?? ''
  assertRefused(await app.request('GET', '/account/export', { session }), 403, 'step_up_required')
  const stepUp = await app.request('POST', '/reauthentication', { session, json: { password: 'pw' } })
  assert.equal((await app.request('GET', '/account/export', { session: sessionOf(stepUp) ?? '' })).status, 200)
})

test('what a client says about its own proof is not read (R170)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  app.clock.advance(660)
  for (const json of [{ amr: ['pwd'] }, { auth_time: 1 }, { acr: 'aal2' }])
    assertRefused(
      await app.request('POST', '/account/email', { session, json: { email: 'x@new.example', ...json } }),
      403,
      'step_up_required',
    )
})

async function exported(app: HardenedApp): Promise<{ session: string; json: Record<string, never> }> {
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  return { session, json: (await app.request('GET', '/account/export', { session })).json }
}

test('the export holds the user’s own data and no secret (R289)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified('bob@example.com')
  await app.registerVerified(EMAIL)
  const { session, json } = await exported(app)
  assert.deepEqual(Object.keys(json), [
    'exported_at',
    'account',
    'sessions',
    'passkeys',
    'recovery_codes_left',
    'devices',
    'mails',
    'events',
  ])
  const text = JSON.stringify(json)
  for (const secret of [session, GOOD_PASSWORD, '$argon2', 'bob@example.com', 'token_hash']) assert.ok(!text.includes(secret), secret)
  assert.ok(text.includes(EMAIL))
  assert.ok(text.includes('user_verified'))
})

test('erasing leaves no trace of address and name, ends every session, and frees the address for somebody else (R290)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const { session } = await exported(app)
  const other = await app.logIn(EMAIL, GOOD_PASSWORD)
  await app.request('PATCH', '/account', { session, json: { name: 'Ann Example' } })
  await app.request('POST', '/reset_password', { json: { email: EMAIL } })
  await app.register('ANN@example.com', 'another long passphrase')
  const id = (await app.request('GET', '/account', { session })).json.id
  const answer = await app.request('DELETE', '/account', { session })
  assertAnswered(answer, { message: 'account deleted' })
  assert.ok(answer.headers.getSetCookie().every((cookie) => cookie.includes('Max-Age=0')))
  assert.equal(answer.headers.get('clear-site-data'), '"cache"')
  for (const one of [session, other]) assertRefused(await app.request('GET', '/profile', { session: one }), 403, 'session_required')
  await app.newMails()
  const { reads } = app.auth.deps.database
  for (const table of [
    'users',
    'sessions',
    'registrations',
    'reset_tokens',
    'devices',
    'mails',
    'mail_requests',
    'throttles',
    'audit_events',
  ] as const) {
    const rows = JSON.stringify(await reads.selectFrom(table).selectAll().execute())
    assert.doesNotMatch(rows, /ann@example\.com|Ann Example/i, table)
  }
  const events = await reads.selectFrom('audit_events').selectAll().where('subject', '=', id).execute()
  assert.ok(events.some(({ name }) => name === 'user_deleted'))
  for (const event of events) assert.deepEqual([event.address, event.user_agent, event.salt], [null, null, null], event.name)
  assert.equal((await verified(app.auth.deps)).intact, true)
  assertRefused(await app.logInAnswer(EMAIL, GOOD_PASSWORD), 401, 'login_refused')
  await app.registerVerified(EMAIL)
  const again = await app.request('GET', '/account', { session: await app.logIn(EMAIL, GOOD_PASSWORD) })
  assert.notEqual(again.json.id, id)
})

test('what is asked with a session that ended while the body was read is not done', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  const late = async (method: string, path: string, body: string) => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: over, resolve: finish } = Promise.withResolvers<void>()
    const stream = new ReadableStream({
      async pull(controller) {
        begin()
        await over
        controller.enqueue(new TextEncoder().encode(body))
        controller.close()
      },
    })
    const headers = { cookie: `session_id=${session}`, 'content-type': 'application/json', host: 'localhost' }
    const answer = app.auth.fetch(
      new Request(`http://localhost${path}`, { method, headers, body: stream, duplex: 'half' } as RequestInit),
      {
        clientAddress: '127.0.0.1',
      },
    )
    await begun
    return { answer, finish }
  }
  const held = [await late('DELETE', '/account', '{}'), await late('POST', '/account/email', '{"email":"evil@example.com"}')]
  await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), 'another long passphrase')
  for (const { answer, finish } of held) {
    finish()
    assert.equal((await answer).status, 403)
  }
  assert.equal((await app.auth.findUserBy({ email: EMAIL })).email, EMAIL)
  assert.deepEqual(await app.auth.deps.database.reads.selectFrom('address_changes').selectAll().execute(), [])
})
