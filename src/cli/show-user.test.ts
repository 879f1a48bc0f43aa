import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD } from '../../test/hardened-app.ts'
import { addPasskey, totpCode } from '../../test/second-factors.ts'
import { addTotpUser, completeWith, manyTickets } from '../../test/totp-user.ts'
import { verdictOf } from './user-verdict.ts'

const EMAIL = 'ann@example.com'

async function verdict(app: Awaited<ReturnType<typeof startForManyClients>>) {
  const { state, sentences, factors } = await verdictOf(app.auth.deps, await app.auth.findUserBy({ email: EMAIL }))
  return { state, factors, sentence: sentences.join(' ') }
}

test('the operator reads what a user proves themselves with, and what a login asks for', async () => {
  await using app = await startForManyClients()
  await addUser(app, EMAIL)
  assert.deepEqual(await verdict(app), {
    state: 'ok',
    factors: ['password'],
    sentence: 'Nothing stands in the way: the right password lets them in.',
  })
  await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('users').execute())
  const { session } = await addTotpUser(app)
  assert.deepEqual(await verdict(app), {
    state: 'ok',
    factors: ['password', 'totp', 'recovery_code'],
    sentence: 'Nothing stands in the way: the right password, then their authenticator app is asked for.',
  })
  const added = await addPasskey(app, session)
  assert.match((await verdict(app)).sentence, /their authenticator app or passkey is asked for/)
  await app.request('DELETE', '/totp', { session: added.session })
  assert.deepEqual((await verdict(app)).factors, ['password', 'recovery_code', 'passkey'])
  assert.match((await verdict(app)).sentence, /then their passkey is asked for/)
})

test('where a second factor is required, the operator reads that one will be added', async () => {
  await using app = await startForManyClients({ BIENVENUE_SECOND_FACTOR: 'required' })
  await addUser(app, EMAIL)
  assert.match((await verdict(app)).sentence, /at the next login they add a second factor/)
  await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  assert.equal((await verdict(app)).state, 'ok')
})

test('the operator reads that wrong codes have closed the second factor, and what opens it', async () => {
  await using app = await startForManyClients()
  const { id, secret } = await addTotpUser(app)
  const fail = async () => {
    const [ticket] = await manyTickets(app, id, 1)
    await app.request('PUT', '/sessions', { json: { ticket, totp_code: '000000' } })
  }
  for (let failure = 0; failure < 5; failure++) await fail()
  const waiting = await verdict(app)
  assert.equal(waiting.state, 'throttled')
  assert.match(waiting.sentence, /the second_factor is not looked at from unknown browsers until/)
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('throttles').set({ count: 99 }).execute())
  app.clock.advance(900)
  await fail()
  const closed = await verdict(app)
  assert.match(closed.sentence, /closed from unknown browsers after 100 failures in a row\. A recovery code lets them in, adding the/)
  app.clock.advance(900)
  assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 401)
})
