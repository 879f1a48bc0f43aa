import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { forgetEvents } from '../../test/forget-events.ts'
import { keptDatabase, onlyOn } from '../../test/fresh-database.ts'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { tokenIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused, refused } from '../../test/refusals.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { hardenedEnv, startTestApp, TEST_SECRET, type TestAppOptions } from '../../test/test-app.ts'

const OTHER_SECRET = 'v2:Qm8rT1yVx3ZnB6cKd9LfGh2JpWs5AoEiUu4NvMqRtYbXgCzH'
const CLASSIC = { BIENVENUE_SECRET: TEST_SECRET }

/** Start and stop: what a refused start cannot do. */
async function startOnce(options: TestAppOptions): Promise<void> {
  await using _ = await startTestApp(options)
}

test('classic refuses a database that hardened has opened, and says what to set', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  await startOnce({ databaseUrl, env: hardenedEnv() })
  await assert.rejects(startOnce({ databaseUrl, env: CLASSIC }), refused('database_refused'))
  await assert.rejects(startOnce({ databaseUrl, env: CLASSIC }), /BIENVENUE_POSTURE=hardened/)
  await using again = await startTestApp({ databaseUrl, env: hardenedEnv() })
  assert.equal((await again.request('GET', '/')).status, 200)
})

test("hardened's first opening of a classic database ends every session and reset token, and keeps users, who verify their address first", async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  let session: string
  let token: string
  {
    await using app = await startTestApp({ databaseUrl, env: CLASSIC })
    await app.register('bob@bob.com', 'mySuperPwd')
    session = await app.logIn('bob@bob.com', 'mySuperPwd')
    token = await app.auth.getResetPasswordToken('bob@bob.com')
  }
  await using app = await startTestApp({ databaseUrl, env: hardenedEnv() })
  assertRefused(await app.request('GET', '/profile', { session }), 403, 'session_required')
  await assert.rejects(app.auth.updatePassword(token, 'new'), refused('reset_token_invalid'))
  // What classic would have mailed is gone; the right password asks for a link.
  assert.deepEqual(await app.sendMails(), [])
  assertRefused(await app.request('POST', '/sessions', { form: { email: 'bob@bob.com', password: 'mySuperPwd' } }), 401, 'login_refused')
  const link = tokenIn((await app.sendMails())[0])
  assert.equal((await app.request('PUT', '/email_verification', { json: { token: link, password: 'mySuperPwd' } })).status, 200)
  assert.equal(await app.auth.validLogin('bob@bob.com', 'mySuperPwd'), true)
})

test("hardened's later openings end nothing", async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  let session: string
  {
    await using app = await startHardenedApp({}, { databaseUrl })
    await app.registerVerified('bob@bob.com')
    session = await app.logIn('bob@bob.com', GOOD_PASSWORD)
  }
  await using app = await startTestApp({ databaseUrl, env: hardenedEnv() })
  assertAnswered(await app.request('GET', '/profile', { session }), { email: 'bob@bob.com' })
})

test('a database that was used with another secret is refused', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  await startOnce({ databaseUrl, env: CLASSIC })
  await assert.rejects(startOnce({ databaseUrl, env: { BIENVENUE_SECRET: OTHER_SECRET } }), refused('database_refused'))
  await assert.rejects(startOnce({ databaseUrl, env: hardenedEnv({ BIENVENUE_SECRET: OTHER_SECRET }) }), /another BIENVENUE_SECRET/)
  await startOnce({ databaseUrl, env: CLASSIC })
})

test('a new secret is taken over while the earlier one stands beside it, and then stands alone', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  for (const BIENVENUE_SECRET of [TEST_SECRET, `${OTHER_SECRET},${TEST_SECRET}`])
    await startOnce({ databaseUrl, env: { BIENVENUE_SECRET } })
  await assert.rejects(startOnce({ databaseUrl, env: { BIENVENUE_SECRET: OTHER_SECRET } }), /audit_events.key_version still refers to it/)
  await forgetEvents(databaseUrl)
  await startOnce({ databaseUrl, env: { BIENVENUE_SECRET: OTHER_SECRET } })
  await assert.rejects(startOnce({ databaseUrl, env: CLASSIC }), refused('database_refused'))
})

const besideTheFile = onlyOn('sqlite', 'on PostgreSQL it lies in the working directory: test/journeys/running.test.ts')

test('classic makes a secret at the first start, for its owner only, and finds it again', { skip: besideTheFile }, async () => {
  await using directory = await temporaryDirectory()
  for (let start = 1; start <= 2; start++) await startOnce({ databaseUrl: `file:${directory.file('auth.db')}` })
  assert.equal((await stat(directory.file('bienvenue.secret'))).mode & 0o777, 0o600)
})

test('a refused start leaves the file free for the right one', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  {
    await using app = await startTestApp({ databaseUrl, env: hardenedEnv() })
    await app.auth.registerUser('bob@bob.com', 'mySuperPwd')
  }
  for (let attempt = 1; attempt <= 3; attempt++) await assert.rejects(startOnce({ databaseUrl, env: CLASSIC }), refused('database_refused'))
  await using app = await startTestApp({ databaseUrl, env: hardenedEnv() })
  assert.equal((await app.auth.findUserBy({ email: 'bob@bob.com' })).hasPassword, true)
})

test('an address that was verified in classic is not verified in hardened: classic shows its mails to whoever asks', async () => {
  await using database = await keptDatabase()
  const databaseUrl = database.url
  {
    await using app = await startTestApp({ databaseUrl, env: CLASSIC })
    await app.addVerified('boss@corp.example', 'mySuperPwd')
  }
  await using app = await startTestApp({ databaseUrl, env: hardenedEnv() })
  assertRefused(
    await app.request('POST', '/sessions', { form: { email: 'boss@corp.example', password: 'mySuperPwd' } }),
    401,
    'login_refused',
  )
  assert.equal((await app.auth.findUserBy({ email: 'boss@corp.example' })).emailVerified, false)
})
