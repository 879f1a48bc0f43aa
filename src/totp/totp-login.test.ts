import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD } from '../../test/hardened-app.ts'
import { codeIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { ticketOf, totpCode } from '../../test/second-factors.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, manySessions, manyTickets, statusesOf } from '../../test/totp-user.ts'
import { checkTotp } from './totp.ts'

const EMAIL = 'ann@example.com'
const LOGGED_IN = { email: EMAIL, message: 'logged in' }

test('the password alone opens nothing; with a code of the app it does, for good (R060, R139)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  const pending = await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  assert.equal(pending.status, 401)
  assert.deepEqual(pending.headers.getSetCookie(), [])
  const { ticket, factors, ...rest } = pending.json
  assert.deepEqual([factors, rest.error, 'enrol' in rest], [['totp', 'recovery_code'], 'second_factor_required', false])
  assertRefused(await app.request('GET', '/account', { session: ticket }), 403, 'session_required')
  const answer = await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })
  assertAnswered(answer, LOGGED_IN)
  assert.equal((await app.request('GET', '/account', { session: sessionOf(answer) ?? '' })).status, 200)
  app.clock.advance(30)
  const again = await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })
  assertRefused(again, 401, 'ticket_invalid')
})

test('a code is good thirty seconds early and late, and sixty neither way (R135)', async () => {
  for (const [steps, status] of [
    [-2, 401],
    [-1, 200],
    [0, 200],
    [1, 200],
    [2, 401],
  ] as const) {
    await using app = await startForManyClients()
    const { secret } = await addTotpUser(app)
    app.clock.advance(300)
    const answer = await completeWith(app, { totp_code: totpCode(app, secret, steps) })
    assert.equal(answer.status, status, `${steps}: ${answer.text}`)
  }
})

test('the time is the server’s: a client that names another is refused, and nothing is evaluated (R135)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  for (const field of ['time', 'timestamp', 'now']) {
    const json = { ticket, totp_code: totpCode(app, secret, 5), [field]: app.clock.now() + 150_000 }
    for (let at = 0; at < 3; at++) assertRefused(await app.request('PUT', '/sessions', { json }), 400, 'field_unknown', { field })
  }
  const headers = { date: new Date(app.clock.now() + 150_000).toUTCString() }
  const late = await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret, 5) }, headers })
  assertRefused(late, 401, 'second_factor_refused')
  assert.equal((await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })).status, 200)
})

test('a code works once, also where it was used to step up, or to add the app (R136)', async () => {
  await using app = await startForManyClients()
  const id = await addUser(app, EMAIL)
  let session = await app.logIn(EMAIL, GOOD_PASSWORD)
  const { secret } = (await app.request('POST', '/totp', { session })).json
  const first = totpCode(app, secret)
  session = sessionOf(await app.request('PUT', '/totp', { session, json: { code: first } })) ?? ''
  const stepUp = (totp_code: string) => app.request('POST', '/reauthentication', { session, json: { totp_code } })
  assertRefused(await completeWith(app, { totp_code: first }), 401, 'second_factor_refused')
  assertRefused(await stepUp(first), 403, 'code_wrong')
  app.clock.advance(30)
  const second = totpCode(app, secret)
  session = sessionOf(await stepUp(second)) ?? ''
  assertRefused(await completeWith(app, { totp_code: second }), 401, 'second_factor_refused')
  app.clock.advance(30)
  const third = totpCode(app, secret)
  assertAnswered(await completeWith(app, { totp_code: third }), LOGGED_IN)
  assertRefused(await completeWith(app, { totp_code: third }), 401, 'second_factor_refused')
  assertRefused(await stepUp(third), 403, 'code_wrong')
  const [{ last_step } = { last_step: 0 }] = await app.auth.deps.database.reads
    .selectFrom('totp_secrets')
    .select('last_step')
    .where('user_id', '=', id)
    .execute()
  assert.equal(last_step, Math.floor(app.clock.now() / 30_000))
})

test('an older code is dead once a newer one was used, however good it would be by the clock (R136)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  app.clock.advance(300)
  assertAnswered(await completeWith(app, { totp_code: totpCode(app, secret, 1) }), LOGGED_IN)
  for (const steps of [-1, 0, 1]) {
    const answer = await completeWith(app, { totp_code: totpCode(app, secret, steps) })
    assertRefused(answer, 401, 'second_factor_refused')
  }
})

test('of fifty logins at once with one code, exactly one gets in (R136)', async () => {
  await using app = await startForManyClients()
  const { secret, id } = await addTotpUser(app)
  const totp_code = totpCode(app, secret)
  const tickets = await manyTickets(app, id, 50)
  const answers = await Promise.all(tickets.map((ticket) => app.request('PUT', '/sessions', { json: { ticket, totp_code } })))
  const { 200: successes, ...refused } = statusesOf(answers)
  assert.equal(successes, 1, JSON.stringify(refused))
  assert.deepEqual(new Set(Object.keys(refused)), new Set(['401', '429']))
})

test('a code that two found good before either used it is used by one (R136)', async () => {
  await using app = await startForManyClients()
  const { secret, id } = await addTotpUser(app)
  const { deps } = app.auth
  const found = [await checkTotp(deps, id, totpCode(app, secret)), await checkTotp(deps, id, totpCode(app, secret, -1))]
  found.push(await checkTotp(deps, id, totpCode(app, secret)))
  const used: (boolean | undefined)[] = []
  for (const use of found) used.push(await deps.database.inTransaction(async (tx) => use?.(tx)))
  // The one of the step before was used up by adding the app.
  assert.deepEqual(used, [true, undefined, false])
})

test('of fifty logins at once with one ticket, exactly one gets in', async () => {
  await using app = await startForManyClients()
  const { secret, id } = await addTotpUser(app)
  const [ticket] = await manyTickets(app, id, 1)
  const json = { ticket, totp_code: totpCode(app, secret) }
  const answers = await Promise.all(Array.from({ length: 50 }, () => app.request('PUT', '/sessions', { json })))
  assert.equal(statusesOf(answers)[200], 1)
})

test('of fifty sessions that step up at once with one code, exactly one does (R136)', async () => {
  await using app = await startForManyClients()
  const { secret, id } = await addTotpUser(app)
  const json = { totp_code: totpCode(app, secret) }
  const sessions = await manySessions(app, id, 40)
  const answers = await Promise.all(sessions.map((session) => app.request('POST', '/reauthentication', { session, json })))
  const { 200: successes, ...refused } = statusesOf(answers)
  assert.equal(successes, 1, JSON.stringify(refused))
  assert.deepEqual(new Set(Object.keys(refused)), new Set(['403', '429']))
})

/** Neither text nor six digits. What is text reaches the evaluation, and counts. */
const NO_TEXT = [null, [], ['123456'], {}, { $ne: '' }, 123_456, 0, true, false, [[]], 1e300]
const NO_CODE = ['', ' ', '12345', '1234567', 'abcdef', '１２３４５６', "' or 1=1"]

test('a code of any other type is refused before it is looked at, and another text counts as a wrong code (R138)', async () => {
  for (const place of ['login', 'step-up', 'enrolment']) {
    await using app = await startForManyClients()
    const { id, session } = await addTotpUser(app)
    const [ticket] = await manyTickets(app, id, 1)
    await app.request('POST', '/totp', { session })
    const send = (code: unknown) => {
      if (place === 'login') return app.request('PUT', '/sessions', { json: { ticket, totp_code: code } })
      if (place === 'step-up') return app.request('POST', '/reauthentication', { session, json: { totp_code: code } })
      return app.request('PUT', '/totp', { session, json: { code } })
    }
    for (const code of NO_TEXT) assert.equal((await send(code)).status, 400, `${place} ${JSON.stringify(code)}`)
    assert.equal((await send(undefined)).status, 400, place)
    let evaluated = 0
    for (const code of NO_CODE) {
      const { status, json } = await send(code)
      if (status === 429) continue
      assert.equal(json.error, place === 'login' ? 'second_factor_refused' : 'code_wrong', `${place} ${JSON.stringify(code)}`)
      evaluated++
    }
    assert.equal(evaluated, 5, place)
  }
})

test('a form sends a code as well as JSON, but not twice, and never beside another factor (R138)', async () => {
  await using app = await startForManyClients()
  const { secret, id } = await addTotpUser(app)
  const [ticket = ''] = await manyTickets(app, id, 1)
  const totp_code = totpCode(app, secret).replace(/^.../, '$& ')
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = `ticket=${ticket}&totp_code=000000&totp_code=${totp_code}`
  assertRefused(await app.request('PUT', '/sessions', { body, headers }), 400, 'field_repeated', { field: 'totp_code' })
  const both = { ticket, totp_code, recovery_code: 'AAAA-AAAA-AAAA-AAAA' }
  assertRefused(await app.request('PUT', '/sessions', { json: both }), 400, 'field_invalid', { field: 'totp_code' })
  assertAnswered(await app.request('PUT', '/sessions', { form: { ticket, totp_code } }), LOGGED_IN)
})

test('a mailed code is never a second factor: not beside the password, and not beside another one (R141)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  const mailed = async () => {
    await app.request('POST', '/login_codes', { json: { email: EMAIL } })
    return codeIn((await app.newMails()).at(-1))
  }
  const begun = await app.request('POST', '/sessions', { json: { email: EMAIL, code: await mailed() } })
  assert.deepEqual([begun.status, begun.json.error], [401, 'second_factor_required'])
  const { ticket } = begun.json
  const code = await mailed()
  for (const json of [
    { ticket, code },
    { ticket, code, totp_code: '000000' },
  ])
    assertRefused(await app.request('PUT', '/sessions', { json }), 400, 'field_unknown', { field: 'code' })
  for (const json of [
    { ticket, totp_code: code },
    { ticket, recovery_code: code },
  ])
    assertRefused(await app.request('PUT', '/sessions', { json }), 401, 'second_factor_refused')
  // A second mailed code begins a second login; it does not go on with the first.
  const again = await app.request('POST', '/sessions', { json: { email: EMAIL, code, ticket } })
  assert.deepEqual([again.status, again.json.error], [401, 'second_factor_required'])
  const answer = await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })
  assertAnswered(answer, LOGGED_IN)
  // The mailbox and the app are two factors, but not those that a user with a password has.
  const session = sessionOf(answer) ?? ''
  assertRefused(await app.request('GET', '/account/export', { session }), 403, 'step_up_required')
})
