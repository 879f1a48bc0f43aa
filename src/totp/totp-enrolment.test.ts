import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from 'otpauth'
import { occupyHashQueue } from '../../test/busy-hash-queue.ts'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../../test/hardened-app.ts'
import { operationsOf } from '../../test/openapi-operations.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { enrolTotp, totpCode } from '../../test/second-factors.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, statusesOf } from '../../test/totp-user.ts'

const EMAIL = 'ann@example.com'

const confirm = (app: HardenedApp, session: string, code: string) => app.request('PUT', '/totp', { session, json: { code } })
const begin = async (app: HardenedApp, session: string): Promise<string> => {
  const answer = await app.request('POST', '/totp', { session })
  assert.equal(answer.status, 200, answer.text)
  return answer.json.secret
}
const factorsOf = async (app: HardenedApp, session: string) => (await app.request('GET', '/account', { session })).json.factors
const kindsOf = async (app: HardenedApp) => (await app.newMails()).map(({ subject }) => subject)

async function startWithSession(env = {}) {
  const app = await startForManyClients(env)
  await addUser(app, EMAIL)
  return { app, session: await app.logIn(EMAIL, GOOD_PASSWORD) }
}

test('an app is shown its secret once, as text, as address and as picture, and no cache keeps it (R133, R134)', async () => {
  const { app: started, session } = await startWithSession({ BIENVENUE_NAME: 'Acme: R&D' })
  await using app = started
  const answer = await app.request('POST', '/totp', { session })
  const { secret, uri, qr_svg } = answer.json
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal(Secret.fromBase32(secret).bytes.length, 20)
  const parsed = new URL(uri)
  assert.deepEqual([decodeURIComponent(parsed.pathname), parsed.searchParams.get('issuer')], [`/Acme  R&D:${EMAIL}`, 'Acme  R&D'])
  assert.equal(parsed.searchParams.get('secret'), secret)
  assert.match(qr_svg, /^<svg [^>]*viewBox/)
  assert.doesNotMatch(qr_svg, /<script|href|<image/)
})

test('the secret is in no answer that is asked for afterwards, before the app is confirmed or after (R134)', async () => {
  const { app: started, session: before } = await startWithSession()
  await using app = started
  const gets = (await operationsOf(app)).filter(({ method }) => method === 'GET')
  assert.ok(gets.length > 10)
  const secret = await begin(app, before)
  const shown = async (session: string) => {
    for (const { path } of gets) {
      const { text } = await app.request('GET', path.replace('{id}', 'x'), { session })
      assert.ok(!text.includes(secret), path)
    }
    assert.equal((await app.request('GET', '/totp', { session })).status, 405)
  }
  await shown(before)
  const answer = await confirm(app, before, totpCode(app, secret))
  assert.ok(!answer.text.includes(secret))
  await shown(sessionOf(answer) ?? '')
  assert.ok(!JSON.stringify(app.logLines).includes(secret))
  for (const { text } of await app.newMails()) assert.ok(!text.includes(secret))
})

test('nothing is added before a code of the new secret; then it is, its owner is told once, and the session goes on under a new cookie (R134, R140)', async () => {
  const { app: started, session } = await startWithSession()
  await using app = started
  const secret = await begin(app, session)
  for (const code of ['000000', totpCode(app, secret, 2), totpCode(app, secret, -2)])
    assertRefused(await confirm(app, session, code), 403, 'code_wrong', { field: 'code' })
  assert.deepEqual(await factorsOf(app, session), ['password'])
  await app.logIn(EMAIL, GOOD_PASSWORD)
  await app.newMails()
  const answer = await confirm(app, session, totpCode(app, secret))
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal(answer.json.recovery_codes.length, 10)
  assertRefused(await app.request('GET', '/account', { session }), 403, 'session_required')
  assert.deepEqual(await factorsOf(app, sessionOf(answer) ?? ''), ['password', 'totp', 'recovery_code'])
  assert.equal((await kindsOf(app)).length, 1)
  assert.equal((await app.logInAnswer(EMAIL, GOOD_PASSWORD)).json.error, 'second_factor_required')
})

test('what one session began no other can finish, and it waits for ten minutes (R134)', async () => {
  const { app: started, session } = await startWithSession()
  await using app = started
  const other = await app.logIn(EMAIL, GOOD_PASSWORD)
  await addUser(app, 'eve@example.com')
  const eves = await app.logIn('eve@example.com', GOOD_PASSWORD)
  const secret = await begin(app, session)
  for (const stranger of [other, eves]) assertRefused(await confirm(app, stranger, totpCode(app, secret)), 409, 'enrolment_not_found')
  app.clock.advance(600)
  assertRefused(await confirm(app, session, totpCode(app, secret)), 409, 'enrolment_not_found')
  const again = await app.logIn(EMAIL, GOOD_PASSWORD)
  const next = await begin(app, again)
  app.clock.advance(599)
  // Who begins once more has a new secret, and the one before is void.
  assert.equal((await confirm(app, again, totpCode(app, next))).status, 200)
})

test('who begins twice has one secret: the last', async () => {
  const { app: started, session } = await startWithSession()
  await using app = started
  const [first, second] = [await begin(app, session), await begin(app, session)]
  assert.notEqual(first, second)
  assertRefused(await confirm(app, session, totpCode(app, first)), 403, 'code_wrong', { field: 'code' })
  assert.equal((await confirm(app, session, totpCode(app, second))).status, 200)
})

test('an app that is there goes on until the new one is confirmed; then it is void, with its recovery codes (R134)', async () => {
  await using app = await startForManyClients()
  const old = await addTotpUser(app)
  await begin(app, old.session)
  const stillGood = await completeWith(app, { totp_code: totpCode(app, old.secret) })
  assert.equal(stillGood.status, 200)
  app.clock.advance(30)
  const next = await enrolTotp(app, sessionOf(stillGood) ?? '')
  assertRefused(await completeWith(app, { totp_code: totpCode(app, old.secret) }), 401, 'second_factor_refused')
  assertRefused(await completeWith(app, { recovery_code: old.recoveryCodes[0] }), 401, 'second_factor_refused')
  assertAnswered(await completeWith(app, { totp_code: totpCode(app, next.secret) }), { email: EMAIL, message: 'logged in' })
  assertAnswered(await completeWith(app, { recovery_code: next.recoveryCodes[0] }), { email: EMAIL, message: 'logged in' })
  const rows = await app.auth.deps.database.reads.selectFrom('totp_secrets').selectAll().execute()
  assert.equal(rows.length, 1)
})

test('of five confirmations at once, exactly one adds the app', async () => {
  const { app: started, session } = await startWithSession()
  await using app = started
  const code = totpCode(app, await begin(app, session))
  const answers = await Promise.all(Array.from({ length: 5 }, () => confirm(app, session, code)))
  assert.equal(statusesOf(answers)[200], 1, JSON.stringify(statusesOf(answers)))
  const mails = await app.newMails()
  assert.equal(mails.length, 1)
})

test('a session that has not proved enough neither begins, nor confirms, nor removes (R140)', async () => {
  await using app = await startForManyClients()
  const { secret, session } = await addTotpUser(app)
  const begun = await begin(app, session)
  app.clock.advance(599 - 30)
  const last = await app.request('DELETE', '/passkeys/x', { session })
  assert.equal(last.status, 404, 'still fresh')
  app.clock.advance(60)
  for (const [method, json] of [['POST'], ['PUT', { code: totpCode(app, begun) }], ['DELETE']] as const)
    assertRefused(await app.request(method, '/totp', { session, ...(json && { json }) }), 403, 'step_up_required')
  assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 200)
})

test('the app is removed after a step-up, its owner is told once, and with the last second factor the recovery codes go (R140)', async () => {
  await using app = await startForManyClients()
  const { session, secret, recoveryCodes, id } = await addTotpUser(app)
  const pending = (await app.logInAnswer(EMAIL, GOOD_PASSWORD)).json.ticket
  assertAnswered(await app.request('DELETE', '/totp', { session }), { message: 'authenticator app removed' })
  assert.equal((await kindsOf(app)).length, 1)
  assert.deepEqual(await factorsOf(app, session), ['password'])
  for (const factor of [{ totp_code: totpCode(app, secret) }, { recovery_code: recoveryCodes[0] }])
    assertRefused(await app.request('PUT', '/sessions', { json: { ticket: pending, ...factor } }), 401, 'ticket_invalid')
  assertRefused(await app.request('DELETE', '/totp', { session }), 404, 'factor_not_found')
  assert.deepEqual(await app.newMails(), [])
  await app.logIn(EMAIL, GOOD_PASSWORD)
  const { reads } = app.auth.deps.database
  for (const table of ['totp_secrets', 'totp_enrolments', 'recovery_codes', 'recovery_code_sets'] as const)
    assert.deepEqual(await reads.selectFrom(table).selectAll().where('user_id', '=', id).execute(), [], table)
})

test('a user id from the client adds an app to nobody else', async () => {
  const { app: started, session } = await startWithSession()
  await using app = started
  const eve = await addUser(app, 'eve@example.com')
  for (const field of ['user_id', 'userId', 'email', 'id'])
    assertRefused(await app.request('POST', '/totp', { session, json: { [field]: eve } }), 400, 'field_unknown', { field })
  assertRefused(await app.request('POST', '/totp', { json: {} }), 403, 'session_required')
})

test('a wrong code is not worth the hashing of recovery codes, and a right one that finds no room for it does not count', async () => {
  const { app: started, session } = await startWithSession()
  await using app = started
  const { hashQueue } = app.auth.deps
  const hashed = () => Array.from(hashQueue.wait.counts).reduce((sum, count) => sum + count, 0)
  const secret = await begin(app, session)
  const before = hashed()
  for (let at = 0; at < 4; at++) assertRefused(await confirm(app, session, '000000'), 403, 'code_wrong', { field: 'code' })
  assert.equal(hashed(), before)
  {
    using _busy = occupyHashQueue(app)
    for (let at = 0; at < 2; at++) assertRefused(await confirm(app, session, totpCode(app, secret)), 503, 'busy')
  }
  assert.equal((await confirm(app, session, totpCode(app, secret))).status, 200)
})
