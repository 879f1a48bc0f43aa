import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANN, annsBrowser, assertLeadsTo, assertProblem, readable } from '../../test/account-browser.ts'
import { startHardenedApp } from '../../test/hardened-app.ts'
import { startTestApp } from '../../test/test-app.ts'

const PATH = '/account/data'
const CONFIRM = `/account/confirm?return_to=${encodeURIComponent(PATH)}`

test('all own data comes as a file, the same that programs get', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const file = await ann.send(PATH, 'export')
  assert.equal(file.status, 200)
  assert.equal(file.headers.get('content-type'), 'application/json')
  assert.equal(file.headers.get('content-disposition'), 'attachment; filename="bienvenue-export.json"')
  assert.equal(file.headers.get('cache-control'), 'no-store')
  const api = (await app.request('GET', '/account/export', { session: ann.cookies.get('session_id') ?? '' })).json
  // The first export is an event that the second one tells of.
  assert.equal(api.events.shift().event, 'user_exported')
  assert.deepEqual(file.json, api)
})

test('an account is deleted when its address is typed, and its browser is sent to the login without cookies', async () => {
  for (const start of [startHardenedApp, startTestApp]) {
    await using app = await start()
    const ann = await annsBrowser(app)
    const session = ann.cookies.get('session_id') ?? ''
    const answer = await ann.send(PATH, 'delete-account', { email: ' ANN@Example.com' })
    assertLeadsTo(answer, '/login?done=account_deleted')
    assert.equal(answer.headers.get('clear-site-data'), '"cache"')
    assert.equal(answer.headers.getSetCookie().filter((line) => /^(session|device)_id=;.*Max-Age=0/.test(line)).length, 2)
    assert.equal((await app.request('GET', '/profile', { session })).status, 403)
    await assert.rejects(app.auth.findUserBy({ email: ANN }), { code: 'user_not_found' })
  }
})

test('another address, or none, deletes nothing; the page says so beside the field', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  assertProblem(await ann.send(PATH, 'delete-account', { email: 'bob@example.com' }), 400, 'email', /Nothing was deleted/)
  assertProblem(await ann.send(PATH, 'delete-account', { email: 'yes' }), 400, 'email', /Nothing was deleted/)
  assertProblem(await ann.send(PATH, 'delete-account', { email: '' }), 400, 'email', /Enter your email address/)
  const french = await annsBrowser(app, 'fr')
  assertProblem(await french.send(PATH, 'delete-account', { email: 'x' }), 400, 'email', /Rien n’a été supprimé/)
  assert.equal((await app.auth.findUserBy({ email: ANN })).email, ANN)
})

test('what takes a fresh proof asks for one after ten minutes, leads back to its section, and nothing has changed (R167)', async () => {
  for (const start of [startHardenedApp, startTestApp]) {
    await using app = await start()
    const ann = await annsBrowser(app)
    app.clock.advance(11 * 60)
    assertLeadsTo(await ann.send(PATH, 'export'), CONFIRM)
    assertLeadsTo(await ann.send(PATH, 'delete-account', { email: ANN }), CONFIRM)
    assertLeadsTo(await ann.send('/account', 'change-address', { email: 'ann@new.example' }), '/account/confirm?return_to=%2Faccount')
    assert.equal((await app.auth.findUserBy({ email: ANN })).email, ANN)
    const { events } = (await app.request('GET', '/account/events', { session: ann.cookies.get('session_id') ?? '' })).json
    const names = events.map(({ event }: { event: string }) => event)
    for (const never of ['user_exported', 'user_deleted', 'user_email_change_requested']) assert.ok(!names.includes(never))
    assert.ok(names.includes('authz_fail'))
  }
})

test('the page says what each button does, in both languages', async () => {
  await using app = await startHardenedApp()
  assert.match(readable(await (await annsBrowser(app)).open(PATH)), /To confirm, type your address: ann@example\.com/)
  assert.match(readable(await (await annsBrowser(app, 'fr')).open(PATH)), /Pour confirmer, saisissez votre adresse.: ann@example\.com/)
})
