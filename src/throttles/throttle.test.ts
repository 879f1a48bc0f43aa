import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptDatabase } from '../../test/fresh-database.ts'
import { refused } from '../../test/refusals.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { AUTHENTICATORS } from './limits.ts'
import { type Attempt, type Reservation, releaseAttempt, reserveAttempt, reserveTokenTry, succeedAttempt } from './throttle.ts'
import { clearThrottles, enablePassword, removeEndedThrottles, throttleStateOf } from './throttle-admin.ts'

const ADDRESS = '203.0.113.9'
const bobs: Attempt = { authenticator: 'password', account: { userId: 'bob' }, isKnownDevice: false, address: ADDRESS }
const unknown: Attempt = { ...bobs, account: { canonicalAddress: 'nobody@me.com' } }
const hardened = () => startTestApp({ env: hardenedEnv() })

/** `null`: reserved. Else the seconds after which to come back. */
async function waitOf(app: TestApp, attempt: Attempt): Promise<number | null> {
  try {
    await reserveAttempt(app.auth.deps, attempt)
    return null
  } catch (error) {
    refused('too_many_attempts')(error)
    return (error as { details: { retryAfterSeconds: number } }).details.retryAfterSeconds
  }
}

async function fail(app: TestApp, attempt: Attempt, times: number): Promise<Reservation> {
  let last: Reservation | undefined
  for (let time = 0; time < times; time++) last = await reserveAttempt(app.auth.deps, attempt)
  return last as Reservation
}

function succeed(app: TestApp, reservation: Reservation): Promise<void> {
  return app.auth.deps.database.inTransaction((tx) => succeedAttempt(tx, reservation))
}

for (const [who, attempt] of [
  ['a user', bobs],
  ['an address that nobody has', unknown],
] as const) {
  test(`after five failures in a row on ${who} the next try waits 30 s, then twice as long each time, an hour at most (R036, R039)`, async () => {
    await using app = await startTestApp()
    await fail(app, attempt, 5)
    for (const seconds of [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]) {
      // Hammering meanwhile is neither evaluated nor counted, and lengthens nothing.
      for (let hammer = 0; hammer < 5; hammer++) assert.equal(await waitOf(app, attempt), seconds)
      app.clock.advance(seconds - 1)
      assert.equal(await waitOf(app, attempt), 1)
      app.clock.advance(1)
      assert.equal(await waitOf(app, attempt), null)
    }
  })
}

test('of 200 attempts at once five are evaluated, and after the wait one (R047)', async () => {
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  const evaluated = async () =>
    (await Promise.all(Array.from({ length: 200 }, () => waitOf(app, bobs)))).filter((wait) => wait === null).length
  assert.equal(await evaluated(), 5)
  app.clock.advance(30)
  assert.equal(await evaluated(), 1)
})

test('of 200 attempts at once from one address on 200 accounts ten are evaluated (R042, R047)', async () => {
  await using database = await keptDatabase()
  await using app = await startTestApp({ env: hardenedEnv(), databaseUrl: database.url })
  const waits = await Promise.all(Array.from({ length: 200 }, (_, at) => waitOf(app, { ...bobs, account: { userId: `user ${at}` } })))
  assert.equal(waits.filter((wait) => wait === null).length, 10)
  // What was refused counts on no account either.
  const rows = await app.auth.deps.database.reads.selectFrom('throttles').select('bucket').where('bucket', 'like', 'password/%').execute()
  assert.equal(rows.length, 10)
})

test('two processes on one database count together, and a restart forgets nothing (R048)', async () => {
  await using database = await keptDatabase()
  {
    await using one = await startTestApp({ databaseUrl: database.url })
    await using two = await startTestApp({ databaseUrl: database.url })
    const waits = await Promise.all(Array.from({ length: 40 }, (_, at) => waitOf(at % 2 ? one : two, bobs)))
    assert.equal(waits.filter((wait) => wait === null).length, 5)
  }
  await using later = await startTestApp({ databaseUrl: database.url })
  assert.equal(await waitOf(later, bobs), 30)
})

test('a success begins the counting anew, for the authenticator that was used and no other (R049)', async () => {
  await using app = await startTestApp()
  const code: Attempt = { ...bobs, authenticator: 'second_factor' }
  await fail(app, code, 4)
  await fail(app, bobs, 4)
  await succeed(app, await fail(app, bobs, 1))
  assert.equal(await waitOf(app, code), null)
  assert.equal(await waitOf(app, code), 900)
  await fail(app, bobs, 5)
  assert.equal(await waitOf(app, bobs), 30)
})

for (const authenticator of ['login_code', 'second_factor'] as const) {
  test(`five failures of a ${authenticator} close it for 15 minutes, on the account (R046)`, async () => {
    await using app = await startTestApp()
    const attempt: Attempt = { ...bobs, authenticator }
    await fail(app, attempt, 5)
    assert.equal(await waitOf(app, attempt), 900)
    assert.equal(await waitOf(app, { ...attempt, account: { userId: 'amy' } }), null)
    app.clock.advance(900)
    assert.equal(await waitOf(app, attempt), null)
    assert.equal(await waitOf(app, attempt), 900)
  })
}

for (const authenticator of AUTHENTICATORS) {
  test(`after 100 failures in a row a ${authenticator} lets no stranger in, and a known device still (R040)`, async () => {
    await using app = await startTestApp()
    const { deps } = app.auth
    for (const account of [bobs.account, unknown.account]) {
      const attempt: Attempt = { ...bobs, authenticator, account }
      for (let failure = 1; failure <= 100; failure++) {
        const { isDisabled, earlierFailures } = await reserveAttempt(deps, attempt)
        assert.deepEqual([isDisabled, earlierFailures], [false, failure - 1])
        if (failure >= 5) app.clock.advance(3_600)
      }
      assert.equal((await reserveAttempt(deps, attempt)).isDisabled, true)
      assert.equal((await reserveAttempt(deps, { ...attempt, isKnownDevice: true })).isDisabled, false)
    }
    // It is not over by itself.
    app.clock.advance(400 * 86_400)
    await removeEndedThrottles(deps, 100)
    assert.equal((await reserveAttempt(deps, { ...bobs, authenticator })).isDisabled, true)
  })
}

test('a password that is bound anew is tried anew, and a second factor is not (R040)', async () => {
  await using app = await startTestApp()
  const code: Attempt = { ...bobs, authenticator: 'second_factor' }
  for (const attempt of [bobs, { ...bobs, isKnownDevice: true }, code]) await fail(app, attempt, 5)
  await app.auth.deps.database.inTransaction((tx) => enablePassword(tx, 'bob'))
  assert.deepEqual(
    [await waitOf(app, bobs), await waitOf(app, { ...bobs, isKnownDevice: true }), await waitOf(app, code)],
    [null, null, 900],
  )
})

test('an operator sees what stands in the way of a user, and takes it away', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await fail(app, bobs, 6 - 1)
  await fail(app, { ...bobs, isKnownDevice: true, authenticator: 'second_factor' }, 2)
  assert.deepEqual(await throttleStateOf(deps, 'bob'), [
    { authenticator: 'password', from: 'strangers', failures: 5, blockedUntil: new Date(app.clock.now() + 30_000), disabled: false },
    { authenticator: 'second_factor', from: 'known_devices', failures: 2, blockedUntil: null, disabled: false },
  ])
  await clearThrottles(deps, 'bob', OPERATOR)
  assert.deepEqual(await throttleStateOf(deps, 'bob'), [])
  assert.equal(await waitOf(app, bobs), null)
})

test('known devices have an allowance of their own, which no stranger uses up, and no address closes (R041)', async () => {
  await using app = await hardened()
  await fail(app, bobs, 5)
  await fail(app, { ...bobs, account: { userId: 'amy' } }, 5)
  const known: Attempt = { ...bobs, isKnownDevice: true }
  assert.equal(await waitOf(app, { ...bobs, account: { userId: 'eve' } }), 600)
  await succeed(app, await fail(app, known, 1))
  assert.equal(await waitOf(app, bobs), 30, 'a success of theirs opens nothing for strangers')
  await fail(app, known, 5)
  assert.equal(await waitOf(app, known), 30)
})

test('ten failures in a row from an address close it for ten minutes, for every secret; a success begins anew (R042)', async () => {
  await using app = await hardened()
  const tryOn = (userId: string): Attempt => ({ ...bobs, account: { userId } })
  for (let at = 0; at < 9; at++) await fail(app, tryOn(`user ${at}`), 1)
  await succeed(app, await fail(app, tryOn('mallory'), 1))
  for (let at = 0; at < 9; at++) await fail(app, tryOn(`user ${at}`), 1)
  await reserveTokenTry(app.auth.deps, ADDRESS)
  const closed = refused('too_many_attempts', { retryAfterSeconds: 600, logged: 'address' })
  await assert.rejects(reserveTokenTry(app.auth.deps, ADDRESS), closed)
  for (const authenticator of AUTHENTICATORS)
    await assert.rejects(reserveAttempt(app.auth.deps, { ...tryOn('amy'), authenticator }), closed)
  assert.equal(await waitOf(app, { ...tryOn('amy'), address: '203.0.113.10' }), null)
  app.clock.advance(600)
  assert.equal(await waitOf(app, tryOn('amy')), null)
  assert.equal(await waitOf(app, tryOn('amy')), 600)
})

test('twenty accounts tried from an address within ten minutes close it, whatever succeeds in between (R042)', async () => {
  await using app = await hardened()
  const own = { ...bobs, account: { userId: 'mallory' } }
  for (let at = 1; at <= 20; at++) {
    assert.equal(await waitOf(app, { ...bobs, account: { userId: `user ${at}` } }), null, `account ${at}`)
    if (at < 20) await succeed(app, await fail(app, own, 1))
  }
  await assert.rejects(reserveAttempt(app.auth.deps, own), refused('too_many_attempts', { retryAfterSeconds: 600, logged: 'spraying' }))
  assert.equal(await waitOf(app, { ...bobs, isKnownDevice: true }), null)
  app.clock.advance(600)
  await succeed(app, await fail(app, own, 1))
  // They are long ago: the next twenty count from nothing.
  for (let at = 1; at <= 19; at++) {
    assert.equal(await waitOf(app, { ...bobs, account: { userId: `other ${at}` } }), null, `later account ${at}`)
    await succeed(app, await fail(app, own, 1))
  }
})

test('people who log in from one address are no sprayers', async () => {
  await using app = await hardened()
  for (let at = 1; at <= 40; at++) {
    const attempt = { ...bobs, account: { userId: `user ${at}` } }
    await fail(app, attempt, 1)
    await succeed(app, await fail(app, attempt, 1))
  }
})

test('in classic no address is counted: everybody comes from this machine (R042)', async () => {
  await using app = await startTestApp()
  for (let at = 0; at < 40; at++) await fail(app, { ...bobs, account: { userId: `user ${at}` } }, 1)
  for (let at = 0; at < 40; at++) await reserveTokenTry(app.auth.deps, ADDRESS)
})

test('an attempt that was given back does not count, and what it had closed is open', async () => {
  await using app = await hardened()
  const { deps } = app.auth
  await fail(app, bobs, 4)
  const fifth = await fail(app, bobs, 1)
  assert.equal(await waitOf(app, bobs), 30)
  await releaseAttempt(deps, fifth)
  assert.deepEqual([await waitOf(app, bobs), await waitOf(app, bobs)], [null, 30])
})

test('what is given back after the counting has begun anew takes nothing from it', async () => {
  await using app = await hardened()
  const { deps } = app.auth
  const early = await fail(app, bobs, 1)
  await succeed(app, await fail(app, bobs, 1))
  app.clock.advance(1)
  await fail(app, bobs, 4)
  await releaseAttempt(deps, early)
  assert.deepEqual([await waitOf(app, bobs), await waitOf(app, bobs)], [null, 30])
})

test('a clock that was ahead keeps nobody out for longer than the longest wait', async () => {
  await using app = await startTestApp()
  app.clock.advance(365 * 86_400)
  await fail(app, bobs, 5)
  app.clock.advance(-365 * 86_400)
  assert.equal(await waitOf(app, bobs), null)
  assert.equal(await waitOf(app, bobs), 60)
})

test('a series is over after 90 days without a failure, for users and unknown addresses alike, and is then removed', async () => {
  await using app = await hardened()
  const { deps } = app.auth
  const rows = async () => {
    const [counters, sprayed] = [deps.database.reads.selectFrom('throttles'), deps.database.reads.selectFrom('sprayed_accounts')]
    return (await counters.select('bucket').execute()).length + (await sprayed.select('account').execute()).length
  }
  for (const attempt of [bobs, unknown]) await fail(app, attempt, 4)
  app.clock.advance(90 * 86_400 - 1)
  while ((await removeEndedThrottles(deps, 1)) > 0);
  assert.equal(await rows(), 2)
  app.clock.advance(1)
  for (const attempt of [bobs, unknown]) await fail(app, attempt, 4)
  app.clock.advance(90 * 86_400)
  while ((await removeEndedThrottles(deps, 1)) > 0);
  assert.equal(await rows(), 0)
})

test('the database does not tell which addresses were tried, nor from where', async () => {
  await using app = await hardened()
  await fail(app, unknown, 1)
  const { reads } = app.auth.deps.database
  const text = JSON.stringify([
    await reads.selectFrom('throttles').selectAll().execute(),
    await reads.selectFrom('sprayed_accounts').selectAll().execute(),
  ])
  assert.ok(text.includes('password/'))
  assert.doesNotMatch(text, /nobody|203\.0/)
})
