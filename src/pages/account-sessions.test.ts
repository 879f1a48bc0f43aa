import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AccountBrowser, annsBrowser, assertLeadsTo, hiddenOf, readable } from '../../test/account-browser.ts'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'

const PATH = '/account/sessions'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'
const SAFARI = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 Version/26.1 Mobile/15E148 Safari/604.1'

async function isOut(browser: AccountBrowser): Promise<boolean> {
  return (await browser.open(PATH)).status === 303
}

test('sessions are told apart by browser, address and time, and this browser by a badge; in both languages', async () => {
  await using app = await startHardenedApp()
  await annsBrowser(app, 'en', SAFARI)
  const ann = await annsBrowser(app, 'en', FIREFOX)
  const english = readable(await ann.open(PATH))
  assert.match(english, /Firefox on Windows this browser IP address 127\.0\.0\.1 Logged in 1 January 2026 at 00:00 UTC Last seen/)
  assert.match(english, /Safari on iPhone IP address/)
  const french = readable(await (await annsBrowser(app, 'fr', 'x')).open(PATH))
  assert.match(french, /Navigateur inconnu ce navigateur Adresse IP 127\.0\.0\.1 Connexion 1 janvier 2026 à 00:00 UTC/)
  assert.match(french, /Firefox sur Windows/)
})

test('ending a session throws that browser out at its next request, and no other', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app, 'en', FIREFOX)
  const phone = await annsBrowser(app, 'en', SAFARI)
  assert.match((await ann.open(PATH)).text, /aria-label="Log out Safari on iPhone">Log out</)
  // No fresh proof: it is to be done at once.
  app.clock.advance(11 * 60)
  assertLeadsTo(await ann.send(PATH, 'end-session'), '/account/sessions?done=session_ended')
  assert.equal(await isOut(phone), true)
  assert.equal(await isOut(ann), false)
  assert.match(readable(await ann.open('/account/sessions?done=session_ended')), /That browser is logged out/)
})

test('one button logs out everywhere else, and is not there when there is nowhere else', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const others = [await annsBrowser(app), await annsBrowser(app)]
  assertLeadsTo(await ann.send(PATH, 'end-other-sessions'), '/account/sessions?done=others_ended')
  for (const other of others) assert.equal(await isOut(other), true)
  const page = await ann.open(PATH)
  assert.match(readable(page), /logged in nowhere else/)
  assert.doesNotMatch(page.text, /end-other-sessions/)
})

test('a session that is gone, or somebody else’s, is not found, and the page says so', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  await annsBrowser(app)
  await app.addVerified('bob@example.com', GOOD_PASSWORD)
  const bobs = await app.logIn('bob@example.com', GOOD_PASSWORD)
  const { id } = (await app.request('GET', '/sessions/current', { session: bobs })).json.session
  for (const stranger of [id, '00000000-0000-4000-8000-000000000000']) {
    const page = await ann.send(PATH, 'end-session', { id: stranger })
    assert.equal(page.status, 404)
    assert.match(page.text, /role="alert">This login ended already/)
  }
  assert.equal((await ann.send(PATH, 'end-session', { id: 'x\0' })).status, 400)
  assert.equal((await app.request('GET', '/profile', { session: bobs })).status, 200)
})

test('a browser that ends its own session is logged out', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  await annsBrowser(app)
  const { form_token = '' } = hiddenOf(await ann.open(PATH), 'end-session')
  const session = ann.cookies.get('session_id') ?? ''
  const { id } = (await app.request('GET', '/sessions/current', { session })).json.session
  const answer = await ann.post('end-session', { form_token, id })
  assertLeadsTo(answer, '/login?done=logged_out')
  assert.equal(ann.cookies.has('session_id'), false)
  assert.equal((await app.request('GET', '/profile', { session })).status, 403)
})
