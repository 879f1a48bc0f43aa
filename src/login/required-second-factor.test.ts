import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../../test/hardened-app.ts'
import { codeIn } from '../../test/mail-links.ts'
import { operationsOf } from '../../test/openapi-operations.ts'
import { assertRefused } from '../../test/refusals.ts'
import { assertionFor, authenticatorOf, enrolTotp, totpCode } from '../../test/second-factors.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, manySessions, statusesOf } from '../../test/totp-user.ts'

const EMAIL = 'ann@example.com'
const REQUIRED = { BIENVENUE_SECOND_FACTOR: 'required' }

/** The first factor of a user who has no second one. @returns the ticket */
async function begin(app: HardenedApp): Promise<string> {
  const answer = await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  const { error, factors, enrol, ticket } = answer.json
  assert.deepEqual([answer.status, error, factors, enrol], [401, 'second_factor_required', [], ['totp', 'passkey']])
  assert.deepEqual(answer.headers.getSetCookie(), [])
  return ticket
}

async function byMail(app: HardenedApp) {
  await app.request('POST', '/login_codes', { json: { email: EMAIL } })
  const code = codeIn((await app.newMails()).findLast(({ kind }) => kind === 'login_code'))
  return app.request('POST', '/sessions', { json: { email: EMAIL, code } })
}

test('who has no second factor adds an app with the ticket, is logged in by it, and has recovery codes', async () => {
  await using app = await startForManyClients(REQUIRED)
  await addUser(app, EMAIL)
  const ticket = await begin(app)
  const { secret } = (await app.request('POST', '/totp', { json: { ticket } })).json
  assertRefused(await app.request('PUT', '/totp', { json: { ticket, code: '000000' } }), 403, 'code_wrong', { field: 'code' })
  const added = await app.request('PUT', '/totp', { json: { ticket, code: totpCode(app, secret) } })
  assert.equal(added.status, 200, added.text)
  assert.equal(added.json.recovery_codes.length, 10)
  const session = sessionOf(added) ?? ''
  assert.equal((await app.request('GET', '/account/export', { session })).status, 200, 'both factors are fresh')
  assert.deepEqual((await app.request('GET', '/account', { session })).json.factors, ['password', 'totp', 'recovery_code'])
  assert.deepEqual((await app.newMails()).filter(({ kind }) => kind === 'factor_added').length, 1)
  for (const path of ['/totp', '/passkeys/options'])
    assertRefused(await app.request('POST', path, { json: { ticket } }), 403, 'session_required')
  app.clock.advance(30)
  assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 200)
  assert.equal((await completeWith(app, { recovery_code: added.json.recovery_codes[0] })).status, 200)
})

test('or a passkey, in the same way', async () => {
  await using app = await startForManyClients(REQUIRED)
  await addUser(app, EMAIL)
  const ticket = await begin(app)
  const authenticator = authenticatorOf(app)
  const options = (await app.request('POST', '/passkeys/options', { json: { ticket } })).json
  const passkey = await authenticator.create(options)
  const added = await app.request('POST', '/passkeys', { json: { ticket, passkey, name: 'Laptop' } })
  assert.equal(added.status, 200, added.text)
  assert.equal(added.json.recovery_codes.length, 10)
  assert.equal((await app.request('GET', '/account', { session: sessionOf(added) ?? '' })).status, 200)
  const again = await app.request('POST', '/sessions', { json: { passkey: await assertionFor(app, authenticator) } })
  assert.equal(again.status, 200)
})

test('such a ticket opens nothing else, and no code completes the login before a factor is added', async () => {
  await using app = await startForManyClients(REQUIRED)
  await addUser(app, EMAIL)
  const ticket = await begin(app)
  for (const { method, path, needsSession } of await operationsOf(app)) {
    if (!needsSession) continue
    const address = path.replace('{id}', 'x')
    const answer = await app.request(method, address, { session: ticket, headers: { 'x-ticket': ticket } })
    // Some read their body first, which may name a ticket.
    assert.ok(['session_required', 'field_required'].includes(answer.json.error), `${method} ${path} ${answer.text}`)
  }
  for (const path of ['/recovery_codes', '/reauthentication'])
    assertRefused(await app.request('POST', path, { json: { ticket } }), 403, 'session_required')
  for (const factor of [{ totp_code: '000000' }, { recovery_code: '0000-0000-0000-0000' }])
    assertRefused(await app.request('PUT', '/sessions', { json: { ticket, ...factor } }), 401, 'second_factor_refused')
})

test('the set-up of one ticket is finished with no other, and a ticket lives ten minutes', async () => {
  await using app = await startForManyClients(REQUIRED)
  await addUser(app, EMAIL)
  const [one, other] = [await begin(app), await begin(app)]
  const { secret } = (await app.request('POST', '/totp', { json: { ticket: one } })).json
  const code = () => totpCode(app, secret)
  assertRefused(await app.request('PUT', '/totp', { json: { ticket: other, code: code() } }), 409, 'enrolment_not_found')
  app.clock.advance(600)
  assertRefused(await app.request('PUT', '/totp', { json: { ticket: one, code: code() } }), 403, 'session_required')
})

test('of two logins that each add an app at once, one is logged in and one begins anew', async () => {
  await using app = await startForManyClients(REQUIRED)
  const id = await addUser(app, EMAIL)
  const tickets = [await begin(app), await begin(app), await begin(app)]
  const secrets: string[] = []
  for (const ticket of tickets) secrets.push((await app.request('POST', '/totp', { json: { ticket } })).json.secret)
  const answers = await Promise.all(
    tickets.map((ticket, at) => app.request('PUT', '/totp', { json: { ticket, code: totpCode(app, secrets[at] ?? '') } })),
  )
  assert.deepEqual(statusesOf(answers), { 200: 1, 401: 2 })
  const sessions = await app.auth.deps.database.reads.selectFrom('sessions').select('id').where('user_id', '=', id).execute()
  assert.equal(sessions.length, 1)
})

test('a mailed code gives who has a password no right to add a factor; who has none may (R141)', async () => {
  await using app = await startForManyClients(REQUIRED)
  await addUser(app, EMAIL)
  const mailed = await byMail(app)
  assert.equal(mailed.json.error, 'second_factor_required')
  for (const path of ['/totp', '/passkeys/options'])
    assertRefused(await app.request('POST', path, { json: { ticket: mailed.json.ticket } }), 403, 'step_up_required')
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
  const { ticket } = (await byMail(app)).json
  const { secret } = (await app.request('POST', '/totp', { json: { ticket } })).json
  const added = await app.request('PUT', '/totp', { json: { ticket, code: totpCode(app, secret) } })
  assert.equal(added.status, 200, added.text)
  assert.equal((await app.request('GET', '/account/export', { session: sessionOf(added) ?? '' })).status, 200)
})

test('when it becomes required, sessions that proved one factor end, those of two factors and of applications go on', async () => {
  await using database = await keptDatabase()
  const place = { databaseUrl: database.url }
  let sessions: Record<string, string> = {}
  {
    await using app = await startForManyClients({}, place)
    const id = await addUser(app, EMAIL)
    const [pwd = ''] = await manySessions(app, id, 1, ['pwd'])
    const [email = ''] = await manySessions(app, id, 1, ['email'])
    const enrolled = await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))
    sessions = { pwd, email, both: enrolled.session, application: (await app.auth.createSession(EMAIL)) ?? '' }
    for (const session of Object.values(sessions)) assert.equal((await app.request('GET', '/account', { session })).status, 200)
  }
  await using app = await startForManyClients(REQUIRED, place)
  const statuses: Record<string, number> = {}
  for (const [name, session] of Object.entries(sessions)) statuses[name] = (await app.request('GET', '/account', { session })).status
  assert.deepEqual(statuses, { pwd: 403, email: 403, both: 200, application: 200 })
})

test('validLogin says no to a right password where a second factor is due, by policy or because there is one (R139)', async () => {
  await using required = await startForManyClients(REQUIRED)
  await addUser(required, EMAIL)
  assert.equal(await required.auth.validLogin(EMAIL, GOOD_PASSWORD), false)
  await using optional = await startForManyClients()
  await addUser(optional, 'bob@example.com')
  await addTotpUser(optional)
  assert.equal(await optional.auth.validLogin('bob@example.com', GOOD_PASSWORD), true)
  assert.equal(await optional.auth.validLogin(EMAIL, GOOD_PASSWORD), false)
  // An application vouches for its users by itself.
  assert.notEqual(await required.auth.createSession(EMAIL), null)
})

test('sessions last an hour without use and a day at most (R062, R063)', async () => {
  for (const [step, count] of [
    [3_600, 1],
    [3_000, 29],
  ] as const) {
    await using app = await startForManyClients(REQUIRED)
    const id = await addUser(app, EMAIL)
    const [session = ''] = await manySessions(app, id, 1, ['pwd', 'otp', 'mfa'])
    const alive = async () => {
      const { status } = await app.request('GET', '/account', { session })
      await app.auth.settled()
      return status === 200
    }
    assert.ok(await alive())
    for (let at = 1; at < count; at++) {
      app.clock.advance(step)
      const expected = at * step < 86_400
      assert.equal(await alive(), expected, `${at * step} s`)
    }
    app.clock.advance(step)
    assert.equal(await alive(), false)
  }
})
