import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { assertRefused } from '../../test/refusals.ts'

const EMAIL = 'ann@example.com'
const NEXT = 'another long passphrase'

test('the owner hears of a browser that was not there before, but not of the first one, nor of one that is known (R054)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const first = await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  assert.deepEqual(await app.newMails(), [])
  const device = first.headers.getSetCookie()[1]?.split(';')[0] ?? ''
  await app.logInAnswer(EMAIL, GOOD_PASSWORD, device)
  assert.deepEqual(await app.newMails(), [])
  await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  const [mail, ...more] = await app.newMails()
  assert.equal(mail?.to, EMAIL)
  assert.match(mail?.text ?? '', /127\.0\.0\.1/)
  assert.doesNotMatch(mail?.text ?? '', /token=/)
  assert.deepEqual(more, [])
})

test('the owner hears of a login after five failures or more (R054)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  for (let attempt = 1; attempt <= 5; attempt++) assertRefused(await app.logInAnswer(EMAIL, 'wrong'), 401, 'login_refused')
  app.clock.advance(30)
  assert.equal((await app.logInAnswer(EMAIL, GOOD_PASSWORD)).status, 200)
  const mails = await app.newMails()
  assert.equal(mails.length, 1)
  assert.match(mails[0]?.text ?? '', /after 5 attempts that failed/)
})

test('the owner hears of a new password, by a change and by a reset, at the address of the account (R106, R173)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  const json = { current_password: GOOD_PASSWORD, new_password: NEXT }
  assert.equal((await app.request('PUT', '/account/password', { session, json })).status, 200)
  await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), GOOD_PASSWORD)
  const mails = await app.newMails()
  assert.equal(mails.length, 2)
  for (const mail of mails) {
    assert.equal(mail.to, EMAIL)
    assert.match(mail.subject, /password/i)
    for (const secret of [GOOD_PASSWORD, NEXT, 'token=']) assert.ok(!mail.text.includes(secret))
  }
})

test('the last mail about an account says that it is deleted (R173)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  await app.request('DELETE', '/account', { session: await app.logIn(EMAIL, GOOD_PASSWORD) })
  const [mail, ...more] = await app.newMails()
  assert.equal(mail?.to, EMAIL)
  assert.match(mail?.subject ?? '', /deleted/)
  assert.deepEqual(more, [])
})

test('each step of an account leaves one event of its own in the log (R226)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  assertRefused(await app.request('POST', '/reauthentication', { session, json: { password: 'wrong' } }), 403, 'password_wrong')
  await app.request('GET', '/account/export', { session })
  await app.request('POST', '/account/email', { session, json: { email: 'ann@new.example' } })
  await app.request('DELETE', '/account', { session })
  const rows = await app.auth.deps.database.reads.selectFrom('audit_events').select('name').orderBy('id').execute()
  assert.deepEqual(rows.map(({ name }) => name).toSorted(), [
    'authn_login_success',
    'authn_step_up_fail',
    'sys_startup',
    'user_created',
    'user_deleted',
    'user_email_change_requested',
    'user_exported',
    'user_registration_requested',
    'user_verified',
  ])
})
