import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANN, annsBrowser, assertLeadsTo, assertProblem, readable } from '../../test/account-browser.ts'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { startTestApp } from '../../test/test-app.ts'

const NEXT = 'another long passphrase'
const PATH = '/account/security'

test('changing the password keeps this browser logged in, under new cookies, and throws out every other', async () => {
  for (const start of [startHardenedApp, startTestApp]) {
    await using app = await start()
    const ann = await annsBrowser(app)
    const elsewhere = await annsBrowser(app)
    const before = ann.cookies.get('session_id')
    const answer = await ann.send(PATH, 'change-password', { current_password: GOOD_PASSWORD, new_password: NEXT })
    assertLeadsTo(answer, '/account/security?done=password_changed')
    assert.deepEqual(
      answer.headers.getSetCookie().map((line) => line.split('=')[0]),
      ['session_id', 'device_id'],
    )
    assert.notEqual(ann.cookies.get('session_id'), before)
    assert.match(readable(await ann.open('/account/security?done=password_changed')), /Your password is changed/)
    assertLeadsTo(await elsewhere.open(PATH), `/login?return_to=${encodeURIComponent(PATH)}`)
    await app.logIn(ANN, NEXT)
  }
})

test('the page says how long a password must be, where it must', async () => {
  await using hardened = await startHardenedApp()
  assert.match(readable(await (await annsBrowser(hardened)).open(PATH)), /At least 15 characters/)
  assert.match(readable(await (await annsBrowser(hardened, 'fr')).open(PATH)), /Au moins 15 caractères/)
  await using classic = await startTestApp()
  assert.doesNotMatch(readable(await (await annsBrowser(classic)).open(PATH)), /At least/)
})

test('what is wrong stands beside its field: the current password, or the new one', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const send = (current_password: string, new_password: string) => ann.send(PATH, 'change-password', { current_password, new_password })
  assertProblem(await send('not the password of ann', NEXT), 403, 'current_password', /password is wrong/)
  assertProblem(await send('', NEXT), 400, 'current_password', /Fill in/)
  assertProblem(await send(GOOD_PASSWORD, 'short'), 400, 'new_password', /at least 15/)
  assertProblem(await send(GOOD_PASSWORD, ''), 400, 'new_password', /Fill in/)
  assertProblem(await send(GOOD_PASSWORD, `${ANN}${ANN}`), 400, 'new_password', /your address/)
  const french = await annsBrowser(app, 'fr')
  const page = await french.send(PATH, 'change-password', { current_password: GOOD_PASSWORD, new_password: 'court' })
  assertProblem(page, 400, 'new_password', /au moins 15 caractères/)
  await app.logIn(ANN, GOOD_PASSWORD)
})

test('no password comes back in a page', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const page = await ann.send(PATH, 'change-password', { current_password: GOOD_PASSWORD, new_password: 'hunter2secret' })
  assert.equal(page.status, 400)
  for (const typed of [GOOD_PASSWORD, 'hunter2secret']) assert.ok(!page.text.includes(typed))
})

test('after too many wrong ones the page says how long to wait', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  let page = await ann.open(PATH)
  for (let tries = 0; tries < 12 && page.status !== 429; tries++)
    page = await ann.send(PATH, 'change-password', { current_password: `wrong password ${tries}`, new_password: NEXT })
  assert.equal(page.status, 429)
  assert.match(page.headers.get('retry-after') ?? '', /^\d+$/)
  assert.match(page.text, /role="alert">Too many attempts\. Try again in /)
})

test('who has no password is led to where one is chosen', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  await app.auth.deps.database.inTransaction((tx) =>
    tx.updateTable('users').set({ password_hash: null, password_changed_at: null }).execute(),
  )
  const page = await ann.open(PATH)
  assert.match(readable(page), /Your account has no password/)
  assert.match(page.text, /<a href="\/reset">/)
  assert.doesNotMatch(page.text, /type="password"/)
})
