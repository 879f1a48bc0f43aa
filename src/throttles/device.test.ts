import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { deviceCookieOf } from '../../test/set-cookie.ts'
import { sessionOf, startTestApp, type TestApp, type TestResponse } from '../../test/test-app.ts'
import { hashOpaqueToken } from '../crypto/opaque-token.ts'
import { findDevice, issueDevice, removeExpiredDevices } from './device.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'mySuperPwd'

function logIn(app: TestApp, device: string | null, password = PASSWORD, email = EMAIL): Promise<TestResponse> {
  return app.request('POST', '/sessions', {
    form: { email, password },
    ...(device !== null && { headers: { cookie: `device_id=${device}` } }),
  })
}

async function appWithDevice() {
  const app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  return { app, device: deviceCookieOf(await logIn(app, null))?.value ?? '' }
}

async function lockOut(app: TestApp, email = EMAIL): Promise<void> {
  for (let failure = 1; failure <= 5; failure++) await logIn(app, null, 'wrong', email)
  assertRefused(await logIn(app, null, PASSWORD, email), 429, 'too_many_attempts')
}

async function devicesOf(app: TestApp): Promise<number> {
  return (await app.auth.deps.database.reads.selectFrom('devices').select('user_id').execute()).length
}

test('the first login of a browser makes it known, and none after that does again', async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  assert.match(device, /^[\w-]{43}$/)
  const again = await logIn(app, device)
  assertAnswered(again, { email: EMAIL, message: 'logged in' })
  assert.equal(deviceCookieOf(again), null)
  assert.equal(await devicesOf(app), 1)
  const [row] = await app.auth.deps.database.reads.selectFrom('devices').select('token_hash').execute()
  assert.equal(Buffer.from(row?.token_hash ?? []).toString('hex'), hashOpaqueToken(device))
})

test('strangers who fail do not stop a browser that has logged in before (R041)', async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  await lockOut(app)
  assertAnswered(await logIn(app, device), { email: EMAIL, message: 'logged in' })
  assertRefused(await logIn(app, null), 429, 'too_many_attempts')
})

test("a forged device, another user's, and two at once help nobody (R041)", async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  await app.register('amy@me.com', PASSWORD)
  const amys = deviceCookieOf(await logIn(app, null, PASSWORD, 'amy@me.com'))?.value ?? ''
  await lockOut(app)
  for (const forged of [amys, 'A'.repeat(43), 'x', '', `${device}; device_id=${device}`])
    assertRefused(await logIn(app, forged), 429, 'too_many_attempts')
  // For whom it does not belong to, a new one is issued.
  const login = await logIn(app, device, PASSWORD, 'amy@me.com')
  assert.notEqual(deviceCookieOf(login)?.value ?? device, device)
})

test("a user's devices share one allowance, which is no more than a stranger's", async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  const other = deviceCookieOf(await logIn(app, null))?.value ?? ''
  for (let failure = 1; failure <= 5; failure++)
    assertRefused(await logIn(app, failure % 2 ? device : other, 'wrong'), 401, 'login_refused')
  for (const known of [device, other]) assertRefused(await logIn(app, known), 429, 'too_many_attempts')
  assertAnswered(await logIn(app, null), { email: EMAIL, message: 'logged in' })
  app.clock.advance(30)
  assertAnswered(await logIn(app, device), { email: EMAIL, message: 'logged in' })
})

test('a known device logs in with the right password after the password was disabled for strangers (R040)', async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  const { database } = app.auth.deps
  await logIn(app, null, 'wrong')
  await database.inTransaction((tx) => tx.updateTable('throttles').set({ count: 100, ends_at: null }).execute())
  const wrong = await logIn(app, null, 'wrong')
  app.clock.advance(3_600)
  const right = await logIn(app, null)
  assertRefused(right, 401, 'login_refused')
  assert.equal(right.text.replace(right.json.request_id, ''), wrong.text.replace(wrong.json.request_id, ''))
  const reasons = app.logLines.filter(({ status }) => status === 401).map(({ reason }) => reason)
  assert.deepEqual(reasons, ['wrong_password', 'wrong_password', 'password_disabled'])
  app.clock.advance(3_600)
  assert.equal(await app.auth.validLogin(EMAIL, PASSWORD), false)
  assertAnswered(await logIn(app, device), { email: EMAIL, message: 'logged in' })
  // It is bound anew by a reset.
  await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), 'next')
  assertAnswered(await logIn(app, null, 'next'), { email: EMAIL, message: 'logged in' })
})

test('a user has ten devices at most: the one that was used longest ago goes', async () => {
  const { app, device: first } = await appWithDevice()
  await using _ = app
  const devices = [first]
  for (let more = 2; more <= 10; more++) {
    app.clock.advance(1)
    devices.push(deviceCookieOf(await logIn(app, null))?.value ?? '')
  }
  app.clock.advance(2 * 86_400)
  // Used again, the first is not the oldest any more.
  await logIn(app, first)
  await logIn(app, null)
  assert.equal(await devicesOf(app), 10)
  const user = await app.auth.findUserBy({ email: EMAIL })
  const known = await Promise.all(devices.map(async (device) => (await findDevice(app.auth.deps, device, user.id)) !== null))
  assert.deepEqual(known, [true, false, ...Array.from({ length: 8 }, () => true)])
})

test('a change of password makes every device a stranger but the one that changed it; a reset and updateUser every one', async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  const session = sessionOf(await logIn(app, null)) ?? ''
  const json = { current_password: PASSWORD, new_password: 'next' }
  const changed = deviceCookieOf(await app.request('PUT', '/account/password', { session, json }))?.value ?? ''
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  const isKnown = async (token: string) => (await findDevice(app.auth.deps, token, id)) !== null
  assert.deepEqual([await isKnown(device), await isKnown(changed), await devicesOf(app)], [false, true, 1])
  await app.auth.updatePassword(await app.auth.getResetPasswordToken(EMAIL), PASSWORD)
  assert.equal(await devicesOf(app), 0)
  await logIn(app, null)
  await app.auth.updateUser(id, { name: 'Bob' })
  assert.equal(await devicesOf(app), 1)
  await app.auth.updateUser(id, { hashedPassword: 'x' })
  assert.equal(await devicesOf(app), 0)
})

test('logging out leaves the browser known', async () => {
  const { app, device } = await appWithDevice()
  await using _ = app
  const session = sessionOf(await logIn(app, device)) ?? ''
  const answer = await app.request('DELETE', '/sessions', { session })
  assert.equal(answer.headers.getSetCookie().length, 1)
  assert.equal(deviceCookieOf(await logIn(app, device)), null)
})

test('after 400 days a device is a stranger, and is removed (R081)', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  const user = await app.auth.registerUser(EMAIL, PASSWORD)
  const device = await deps.database.inTransaction((tx) => issueDevice(deps, tx, user.id))
  app.clock.advance(400 * 86_400 - 1)
  assert.equal(await removeExpiredDevices(deps, 100), 0)
  assert.notEqual(await findDevice(deps, device, user.id), null)
  app.clock.advance(1)
  assert.equal(await findDevice(deps, device, user.id), null)
  assert.equal(await removeExpiredDevices(deps, 100), 1)
})

test('a session that an application made makes no device', async () => {
  await using app = await startTestApp()
  await app.auth.registerUser(EMAIL, PASSWORD)
  await app.auth.createSession(EMAIL)
  assert.equal(await devicesOf(app), 0)
})
