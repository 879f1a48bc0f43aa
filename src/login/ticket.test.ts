import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ticketFor } from '../../test/enrolled-user.ts'
import { addUser } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn, tokenIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused, refused } from '../../test/refusals.ts'
import { addPasskey, assertionFor, type EnrolledTotp, enrolTotp, ticketOf, totpCode } from '../../test/second-factors.ts'
import { hardenedEnv, sessionOf, startTestApp } from '../../test/test-app.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { removeFactors } from '../factors/remove-factors.ts'
import { NO_ORIGIN } from '../origin.ts'
import { disableUser, enableUser } from '../users/user-admin.ts'
import { completeAfterAdding, rightOfTicket } from './factor-rights.ts'

const EMAIL = 'ann@example.com'
const NEXT_PASSWORD = 'another long passphrase'

interface Ann extends EnrolledTotp {
  readonly app: HardenedApp
  readonly id: string
}

async function withTotp(): Promise<Ann> {
  const app = await startHardenedApp()
  const id = await addUser(app, EMAIL)
  return { app, id, ...(await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))) }
}

function put(app: Pick<HardenedApp, 'request'>, json: object) {
  return app.request('PUT', '/sessions', { json })
}

test('a ticket is good for ten minutes, to the second, and is stored as a hash', async () => {
  const { app, secret } = await withTotp()
  await using _ = app
  const [early, late] = [await ticketOf(app, EMAIL, GOOD_PASSWORD), await ticketOf(app, EMAIL, GOOD_PASSWORD)]
  const stored = JSON.stringify(await app.auth.deps.database.reads.selectFrom('login_tickets').selectAll().execute())
  for (const ticket of [early, late]) assert.ok(!stored.includes(ticket) && !stored.includes(Buffer.from(ticket).toString('hex')))
  app.clock.advance(599)
  assertAnswered(await put(app, { ticket: early, totp_code: totpCode(app, secret) }), { email: EMAIL, message: 'logged in' })
  app.clock.advance(1)
  assertRefused(await put(app, { ticket: late, totp_code: totpCode(app, secret, 1) }), 401, 'ticket_invalid')
})

test('a ticket works once; used, it is refused before anything is evaluated, and counts nothing (R047, R094)', async () => {
  const { app, secret, recoveryCodes } = await withTotp()
  await using _ = app
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  assert.equal((await put(app, { ticket, totp_code: totpCode(app, secret) })).status, 200)
  app.clock.advance(30)
  const { reads } = app.auth.deps.database
  const counters = () => reads.selectFrom('throttles').selectAll().execute()
  const events = async () => (await reads.selectFrom('audit_events').select('id').execute()).length
  const before = [await counters(), await events()]
  const hashed = app.auth.deps.hashQueue.wait.counts.toString()
  for (let round = 0; round < 10; round++) {
    assertRefused(await put(app, { ticket, totp_code: totpCode(app, secret) }), 401, 'ticket_invalid')
    assertRefused(await put(app, { ticket, totp_code: '000000' }), 401, 'ticket_invalid')
    assertRefused(await put(app, { ticket, recovery_code: recoveryCodes[0] }), 401, 'ticket_invalid')
    assertRefused(await app.request('POST', '/sessions/passkey_options', { json: { ticket } }), 403, 'session_required')
    assertRefused(await app.request('POST', '/totp', { json: { ticket } }), 403, 'session_required')
  }
  assert.deepEqual([await counters(), await events()], before)
  assert.equal(app.auth.deps.hashQueue.wait.counts.toString(), hashed)
  // The code and the recovery code that were sent along are as good as before.
  for (const factor of [{ totp_code: totpCode(app, secret) }, { recovery_code: recoveryCodes[0] }])
    assert.equal((await put(app, { ticket: await ticketOf(app, EMAIL, GOOD_PASSWORD), ...factor })).status, 200)
})

/** What ends the tickets of a user. The second value is a session that the way may use. */
const ENDS: Readonly<Record<string, (ann: Ann) => Promise<unknown>>> = {
  async 'a change of password'({ app, session }) {
    const json = { current_password: GOOD_PASSWORD, new_password: NEXT_PASSWORD }
    return app.request('PUT', '/account/password', { session, json })
  },
  'a reset': async ({ app }) => app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), NEXT_PASSWORD),
  'the password that an application stores': async ({ app, id }) =>
    app.auth.updateUser(id, { hashedPassword: await app.auth.hashPassword(NEXT_PASSWORD) }),
  'a factor that is added': ({ app, session }) => addPasskey(app, session),
  async 'a factor that is changed'({ app, session }) {
    const { secret } = (await app.request('POST', '/totp', { session })).json
    return app.request('PUT', '/totp', { session, json: { code: totpCode(app, secret) } })
  },
  'the operator, who removes the factors': ({ app, id }) => removeFactors(app.auth.deps, id, OPERATOR),
  async 'disabling, for ever'({ app, id }) {
    await disableUser(app.auth.deps, id, OPERATOR)
    await enableUser(app.auth.deps, id, OPERATOR)
  },
  async 'a change of address'({ app, session }) {
    await app.request('POST', '/account/email', { session, json: { email: 'new@example.com' } })
    for (const mail of (await app.newMails()).filter(({ kind }) => /address/.test(kind)))
      assert.equal((await app.request('PUT', '/account/email', { json: { token: tokenIn(mail) } })).status, 200)
  },
  'the address that an application stores': ({ app, id }) => app.auth.updateUser(id, { email: 'new@example.com' }),
  erasure: ({ app, session }) => app.request('DELETE', '/account', { session }),
}

for (const [name, end] of Object.entries(ENDS)) {
  test(`a ticket is ended by ${name}`, async () => {
    const ann = await withTotp()
    const { app, recoveryCodes } = ann
    await using _ = app
    const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
    await end(ann)
    assertRefused(await put(app, { ticket, recovery_code: recoveryCodes[0] }), 401, 'ticket_invalid')
    assertRefused(await app.request('POST', '/sessions/passkey_options', { json: { ticket } }), 403, 'session_required')
    assert.deepEqual(await app.auth.deps.database.reads.selectFrom('login_tickets').selectAll().execute(), [])
  })
}

test('a factor that is removed ends the tickets, too', async () => {
  const { app, session } = await withTotp()
  await using _ = app
  const added = await addPasskey(app, session)
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  assert.equal((await app.request('DELETE', '/totp', { session: added.session })).status, 200)
  assertRefused(await put(app, { ticket, passkey: {} }), 400, 'field_invalid', { field: 'passkey' })
  const again = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  const passkey = await assertionFor(app, added.authenticator, again)
  assertRefused(await put(app, { ticket, passkey }), 401, 'ticket_invalid')
  const fresh = await assertionFor(app, added.authenticator, again)
  assertAnswered(await put(app, { ticket: again, passkey: fresh }), { email: EMAIL, message: 'logged in' })
})

test('where a second factor is required of everyone, the ticket adds the first one and that completes the login; no session before', async () => {
  for (const posture of [{ BIENVENUE_SECOND_FACTOR: 'required' }, hardenedEnv({ BIENVENUE_SECOND_FACTOR: 'required' })]) {
    await using app = await startTestApp({ env: posture })
    await app.addVerified(EMAIL, GOOD_PASSWORD)
    const first = await app.request('POST', '/sessions', { json: { email: EMAIL, password: GOOD_PASSWORD } })
    const { ticket, ...body } = first.json
    assert.deepEqual([first.status, body.factors, body.enrol, first.headers.getSetCookie()], [401, [], ['totp', 'passkey'], []])
    const other = await ticketOf(app, EMAIL, GOOD_PASSWORD)
    for (const factor of [{ totp_code: '123456' }, { recovery_code: 'AAAA-AAAA-AAAA-AAAA' }])
      assertRefused(await put(app, { ticket, ...factor }), 401, 'second_factor_refused')
    const begun = await app.request('POST', '/totp', { json: { ticket } })
    const code = totpCode(app, begun.json.secret)
    // Another login of the same user cannot finish what this one has begun.
    assertRefused(await app.request('PUT', '/totp', { json: { ticket: other, code } }), 409, 'enrolment_not_found')
    const done = await app.request('PUT', '/totp', { json: { ticket, code } })
    assert.equal(done.status, 200, done.text)
    const current = await app.request('GET', '/sessions/current', { session: sessionOf(done) ?? '' })
    assert.deepEqual(current.json.session.amr, ['pwd', 'otp', 'mfa'])
    for (const used of [ticket, other])
      assertRefused(await app.request('POST', '/totp', { json: { ticket: used } }), 403, 'session_required')
  }
})

test('a mailed code alone adds no second factor for a user who has a password', async () => {
  await using app = await startHardenedApp({ BIENVENUE_SECOND_FACTOR: 'required' })
  await addUser(app, EMAIL)
  await app.request('POST', '/login_codes', { json: { email: EMAIL } })
  const code = codeIn((await app.newMails()).find(({ kind }) => kind === 'login_code'))
  const { ticket } = (await app.request('POST', '/sessions', { json: { email: EMAIL, code } })).json
  assertRefused(await app.request('POST', '/totp', { json: { ticket } }), 403, 'step_up_required')
  assertRefused(await app.request('POST', '/passkeys/options', { json: { ticket } }), 403, 'step_up_required')
})

test('a password that changes while the ticket adds a factor leaves no session of the old one behind', async () => {
  await using app = await startHardenedApp({ BIENVENUE_SECOND_FACTOR: 'required' })
  await addUser(app, EMAIL)
  const { deps } = app.auth
  const browser = { ...NO_ORIGIN, presentedToken: null, presentedDevice: null }
  for (const isChanged of [true, false]) {
    const right = await rightOfTicket(deps, await ticketFor(app, EMAIL), NO_ORIGIN)
    const claimed = await deps.database.inTransaction((tx) => right.claim(tx, 'otp'))
    assert.ok(claimed.kind === 'ticket')
    app.clock.advance(1)
    if (isChanged) await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), NEXT_PASSWORD)
    const done = completeAfterAdding(deps, browser, { user: right.user, claimed, proved: 'otp' })
    if (isChanged) await assert.rejects(done, refused('ticket_invalid'))
    else assert.equal((await done).status, 'logged_in')
  }
})
