import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn, tokenIn } from '../../test/mail-links.ts'
import { assertRefused, refused } from '../../test/refusals.ts'
import { addPasskey, assertionFor, enrolTotp, ticketOf, totpCode } from '../../test/second-factors.ts'
import { addTotpUser, manySessions } from '../../test/totp-user.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { findFactors } from './factors.ts'
import { removeFactors } from './remove-factors.ts'

const EMAIL = 'ann@example.com'

test('an operator removes what a user proves themselves with beside the password, and the log says so', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  await app.request('POST', '/login_codes', { json: { email: EMAIL } })
  const code = codeIn((await app.newMails())[0])
  const { deps } = app.auth
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  await removeFactors(deps, id, OPERATOR)
  assert.deepEqual(await deps.database.reads.selectFrom('devices').selectAll().execute(), [])
  assertRefused(await app.request('POST', '/sessions', { json: { email: EMAIL, code } }), 401, 'login_refused')
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  await app.logIn(EMAIL, GOOD_PASSWORD)
  const events = await deps.database.reads.selectFrom('audit_events').select('actor').where('name', '=', 'factor_removed').execute()
  assert.deepEqual(
    events.map(({ actor }) => actor),
    ['operator'],
  )
  await assert.rejects(removeFactors(deps, 'nobody', OPERATOR), refused('user_not_found'))
})

test('an operator removes the app, the passkeys and the recovery codes of a user, whose owner is told of each; the password is the way in', async () => {
  await using app = await startForManyClients()
  const { session, secret, recoveryCodes, id } = await addTotpUser(app)
  const { authenticator, session: renewed } = await addPasskey(app, session)
  await app.newMails()
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  const begun = (await app.request('POST', '/totp', { session: renewed })).json.secret
  for (let at = 0; at < 5; at++) await app.request('PUT', '/sessions', { json: { ticket, totp_code: '000000' } })
  await app.newMails()
  await removeFactors(app.auth.deps, id, OPERATOR)
  const mails = await app.newMails()
  assert.deepEqual(
    mails.map(({ kind, to }) => [kind, to]),
    [
      ['factor_removed', EMAIL],
      ['factor_removed', EMAIL],
    ],
  )
  for (const factor of [{ totp_code: totpCode(app, secret) }, { recovery_code: recoveryCodes[0] }])
    assertRefused(await app.request('PUT', '/sessions', { json: { ticket, ...factor } }), 401, 'ticket_invalid')
  const passkey = await assertionFor(app, authenticator)
  assertRefused(await app.request('POST', '/sessions', { json: { passkey } }), 401, 'login_refused')
  // What was begun before cannot be finished.
  const confirmed = await app.request('PUT', '/totp', { session: renewed, json: { code: totpCode(app, begun) } })
  assertRefused(confirmed, 409, 'enrolment_not_found')
  const fresh = await app.logIn(EMAIL, GOOD_PASSWORD)
  assert.deepEqual((await app.request('GET', '/account', { session: fresh })).json.factors, ['password'])
  const { reads } = app.auth.deps.database
  for (const table of ['totp_secrets', 'totp_enrolments', 'passkeys', 'recovery_codes', 'recovery_code_sets', 'login_tickets'] as const)
    assert.deepEqual(await reads.selectFrom(table).selectAll().execute(), [], table)
  // The failures of the one that is gone are gone with it.
  await enrolTotp(app, fresh)
})

test('where a second factor is required, a user whose factors were removed adds one at the next login', async () => {
  await using app = await startForManyClients({ BIENVENUE_SECOND_FACTOR: 'required' })
  const id = await addUser(app, EMAIL)
  const [session = ''] = await manySessions(app, id, 1, ['pwd', 'otp', 'mfa'])
  await enrolTotp(app, session)
  await removeFactors(app.auth.deps, id, OPERATOR)
  const { json } = await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  assert.deepEqual([json.error, json.factors, json.enrol], ['second_factor_required', [], ['totp', 'passkey']])
})

test('hardened: whoever proves an address that nobody had proved is rid of the factors that somebody added before; those of one that was proved stay (R103, R116)', async () => {
  for (const [isProved, kept] of [
    [false, 0],
    [true, 1],
  ] as const) {
    await using app = await startForManyClients()
    const { id } = await addTotpUser(app, EMAIL)
    const { database } = app.auth.deps
    const unprove = () => database.inTransaction((tx) => tx.updateTable('users').set({ email_verified_at: null }).execute())
    const count = async () => Number((await findFactors(database.reads, id)).hasTotp)
    if (!isProved) await unprove()
    await app.newMails()
    await app.request('POST', '/reset_password', { json: { email: EMAIL } })
    const token = tokenIn((await app.newMails()).find(({ kind }) => kind === 'reset_password'))
    const json = { email: EMAIL, reset_token: token, new_password: 'another long passphrase' }
    assert.equal((await app.request('PUT', '/reset_password', { json })).status, 200)
    assert.equal(await count(), kept)
    if (!isProved) continue
    await unprove()
    await app.request('POST', '/email_verification', { json: { email: EMAIL } })
    const verification = tokenIn((await app.newMails()).find(({ kind }) => kind === 'verify_address'))
    assert.equal((await app.request('PUT', '/email_verification', { json: { token: verification } })).status, 200)
    assert.equal(await count(), 0)
  }
})
