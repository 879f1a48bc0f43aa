import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../../test/hardened-app.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { addPasskey, enrolTotp, ticketOf, totpCode } from '../../test/second-factors.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, manySessions, manyTickets } from '../../test/totp-user.ts'

const EMAIL = 'ann@example.com'

/** An account with an authenticator app and a passkey, and a session that has just proved them. */
async function startWithBoth(env = {}) {
  const app = await startForManyClients(env)
  const id = await addUser(app, EMAIL)
  const [session = ''] = await manySessions(app, id, 1, ['pwd', 'otp', 'mfa'])
  const totp = await enrolTotp(app, session)
  const passkey = await addPasskey(app, totp.session)
  await app.newMails()
  return { app, id, session: passkey.session, passkey: passkey.id, secret: totp.secret, recoveryCodes: totp.recoveryCodes }
}

async function forgetPassword(app: HardenedApp): Promise<void> {
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ password_hash: null }).execute())
}

const factorsOf = async (app: HardenedApp, session: string) => (await app.request('GET', '/account', { session })).json.factors
const kindsOf = async (app: HardenedApp) => (await app.newMails()).map(({ kind }) => kind)

test('without a password the last passkey stays, and an app beside it does not make it less of the last (R172)', async () => {
  const { app: started, session, passkey } = await startWithBoth()
  await using app = started
  await forgetPassword(app)
  const removePasskey = () => app.request('DELETE', `/passkeys/${passkey}`, { session })
  assertRefused(await removePasskey(), 409, 'last_factor')
  assertAnswered(await app.request('DELETE', '/totp', { session }), { message: 'authenticator app removed' })
  assertRefused(await removePasskey(), 409, 'last_factor')
  assert.deepEqual(await factorsOf(app, session), ['recovery_code', 'passkey'])
  assert.deepEqual(await kindsOf(app), ['factor_removed'])
})

test('where a second factor is required of everyone the last one stays, whichever it is (R172)', async () => {
  const env = { BIENVENUE_SECOND_FACTOR: 'required' }
  const { app: started, session, passkey } = await startWithBoth(env)
  await using app = started
  assert.equal((await app.request('DELETE', `/passkeys/${passkey}`, { session })).status, 200)
  assertRefused(await app.request('DELETE', '/totp', { session }), 409, 'last_factor')
  const next = await addPasskey(app, session)
  assert.equal((await app.request('DELETE', '/totp', { session: next.session })).status, 200)
  assertRefused(await app.request('DELETE', `/passkeys/${next.id}`, { session: next.session }), 409, 'last_factor')
  assert.deepEqual(await factorsOf(app, next.session), ['password', 'recovery_code', 'passkey'])
})

test('with a password and no policy the last second factor may go, and its recovery codes go with it', async () => {
  const { app: started, session, passkey } = await startWithBoth()
  await using app = started
  assert.equal((await app.request('DELETE', '/totp', { session })).status, 200)
  assert.deepEqual(await factorsOf(app, session), ['password', 'recovery_code', 'passkey'])
  assert.equal((await app.request('DELETE', `/passkeys/${passkey}`, { session })).status, 200)
  assert.deepEqual(await factorsOf(app, session), ['password'])
  await app.logIn(EMAIL, GOOD_PASSWORD)
})

test('of two removals at once of the last two factors, one is refused and one factor is left (R172)', async () => {
  for (const policy of ['required', 'no password']) {
    for (let round = 0; round < 5; round++) {
      const env = policy === 'required' ? { BIENVENUE_SECOND_FACTOR: 'required' } : {}
      const { app: started, id, session, passkey } = await startWithBoth(env)
      await using app = started
      let second = '/totp'
      if (policy === 'no password') {
        await forgetPassword(app)
        const added = await addPasskey(app, session)
        second = `/passkeys/${added.id}`
      }
      // From two browsers, so that nothing but the account itself is in common.
      const sessions = await manySessions(app, id, 2, ['pwd', 'email', 'otp', 'mfa'])
      const removals = [second, `/passkeys/${passkey}`].map((path, at) => app.request('DELETE', path, { session: sessions[at] ?? '' }))
      const statuses = (await Promise.all(removals)).map(({ status }) => status)
      assert.deepEqual(statuses.sort(), [200, 409], policy)
    }
  }
})

test('each change of password, address, factor and recovery codes is told to the owner, once (R173)', async () => {
  await using app = await startForManyClients()
  await addUser(app, EMAIL)
  let session = await app.logIn(EMAIL, GOOD_PASSWORD)
  const enrolled = await enrolTotp(app, session)
  assert.deepEqual(await kindsOf(app), ['factor_added'])
  const again = await enrolTotp(app, enrolled.session)
  assert.deepEqual(await kindsOf(app), ['factor_added'])
  const added = await addPasskey(app, again.session)
  assert.deepEqual(await kindsOf(app), ['factor_added'])
  session = added.session
  await app.request('POST', '/recovery_codes', { session })
  assert.deepEqual(await kindsOf(app), ['factor_added'])
  for (const path of [`/passkeys/${added.id}`, '/totp']) {
    assert.equal((await app.request('DELETE', path, { session })).status, 200)
    const [mail, ...more] = await app.newMails()
    assert.deepEqual([mail?.kind, mail?.to, more], ['factor_removed', EMAIL, []])
    // What to do if it was not you.
    assert.match(mail?.text ?? '', /was not you|If not/i)
  }
  const json = { current_password: GOOD_PASSWORD, new_password: 'another long passphrase' }
  assert.equal((await app.request('PUT', '/account/password', { session, json })).status, 200)
  assert.deepEqual(await kindsOf(app), ['password_changed'])
})

test('a change of factors ends the logins that wait for one', async () => {
  const { app: started, id, session, secret, passkey } = await startWithBoth()
  await using app = started
  let current = session
  const changes: (() => Promise<unknown>)[] = [
    () => app.request('DELETE', `/passkeys/${passkey}`, { session: current }),
    async () => {
      current = (await addPasskey(app, current)).session
    },
    () => app.request('DELETE', '/totp', { session: current }),
  ]
  for (const change of changes) {
    const [ticket] = await manyTickets(app, id, 1)
    await change()
    const answer = await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })
    assertRefused(answer, 401, 'ticket_invalid')
  }
})

test('an application’s session proves nothing of a second factor, and its user may prove both (R168)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  let session = (await app.auth.createSession(EMAIL)) ?? ''
  assert.equal((await app.request('GET', '/account', { session })).status, 200)
  for (const json of [{ password: GOOD_PASSWORD }, { totp_code: totpCode(app, secret) }]) {
    for (const path of ['/totp', '/recovery_codes', '/passkeys/options'])
      assertRefused(await app.request('POST', path, { session }), 403, 'step_up_required')
    session = sessionOf(await app.request('POST', '/reauthentication', { session, json })) ?? ''
  }
  assert.equal((await app.request('POST', '/recovery_codes', { session })).status, 200)
})

test('a user without a password proves the mailbox and the app, and is asked for no password (R168)', async () => {
  await using app = await startForManyClients()
  const { id, secret } = await addTotpUser(app)
  await forgetPassword(app)
  const [session = ''] = await manySessions(app, id, 1, ['email'])
  assertRefused(await app.request('GET', '/account/export', { session }), 403, 'step_up_required')
  const stepUp = await app.request('POST', '/reauthentication', { session, json: { totp_code: totpCode(app, secret) } })
  assert.equal((await app.request('GET', '/account/export', { session: sessionOf(stepUp) ?? '' })).status, 200)
  // The password that is not there is nobody's: no step-up with it.
  const wrong = await app.request('POST', '/reauthentication', {
    session: sessionOf(stepUp) ?? '',
    json: { password: GOOD_PASSWORD },
  })
  assertRefused(wrong, 403, 'password_wrong')
})

test('what a user was disabled for between two steps is not finished', async () => {
  await using app = await startForManyClients()
  const { id, session, secret } = await addTotpUser(app)
  const [ticket] = await manyTickets(app, id, 1)
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ disabled_at: 1 }).execute())
  const answer = await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })
  assertRefused(answer, 401, 'ticket_invalid')
  assertRefused(await app.request('DELETE', '/totp', { session }), 403, 'session_required')
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ disabled_at: null }).execute())
  assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 200)
})

test('whoever changes a factor may log out everywhere else with it, and else nobody is (R069)', async () => {
  await using app = await startForManyClients()
  await addUser(app, EMAIL)
  const first = await app.logIn(EMAIL, GOOD_PASSWORD)
  const other = await app.logIn(EMAIL, GOOD_PASSWORD)
  const isLive = async (session: string) => (await app.request('GET', '/profile', { session })).status === 200
  const { secret, session } = await enrolTotp(app, first)
  assert.ok(await isLive(other))
  const begun = (await app.request('POST', '/totp', { session })).json
  const json = { code: totpCode(app, begun.secret), end_other_sessions: true }
  const again = sessionOf(await app.request('PUT', '/totp', { session, json })) ?? ''
  assert.ok(!(await isLive(other)))
  assert.ok(await isLive(again))
  assert.notEqual(secret, begun.secret)

  app.clock.advance(30)
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  const third = sessionOf(await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, begun.secret) } })) ?? ''
  assert.equal((await app.request('DELETE', '/totp', { session: again, form: { end_other_sessions: 'true' } })).status, 200)
  assert.ok(!(await isLive(third)))
  assertRefused(await app.request('DELETE', '/totp', { session: again, json: { end_other_sessions: 'yes' } }), 400, 'field_invalid', {
    field: 'end_other_sessions',
  })
})
