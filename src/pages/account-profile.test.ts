import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANN, annsBrowser, assertLeadsTo, assertProblem, readable } from '../../test/account-browser.ts'
import { startHardenedApp } from '../../test/hardened-app.ts'
import { tokenIn } from '../../test/mail-links.ts'
import { startTestApp } from '../../test/test-app.ts'

test('the profile shows the address, whether it is verified, and since when the account is there; in both languages', async () => {
  await using app = await startHardenedApp()
  const english = readable(await (await annsBrowser(app)).open('/account'))
  assert.match(english, /Email address ann@example\.com verified Member since 1 January 2026/)
  const french = readable(await (await annsBrowser(app, 'fr')).open('/account'))
  assert.match(french, /Adresse e-mail ann@example\.com vérifiée Membre depuis le 1 janvier 2026/)
})

test('in classic an address is not verified by itself, and the page says so', async () => {
  await using app = await startTestApp()
  await app.auth.registerUser(ANN, 'correct horse battery staple')
  const page = await (await annsBrowser(app)).open('/account')
  assert.match(readable(page), /ann@example\.com not verified/)
  assert.match(page.text, /<a href="\/verify">/)
})

test('programs get JSON where browsers get the page, and neither is taken for the other', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  for (const path of ['/account', '/account/events']) {
    const page = await ann.open(path)
    const json = await app.request('GET', path, { session: ann.cookies.get('session_id') ?? '' })
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(json.headers.get('content-type'), 'application/json')
    for (const answer of [page, json]) assert.match(answer.headers.get('vary') ?? '', /\bAccept(?!-)/)
  }
})

test('a name is saved, shown, and taken away again; the page says what was done', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  assertLeadsTo(await ann.send('/account', 'change-name', { name: '  Ann ✓ Example ' }), '/account?done=name_saved')
  const page = await ann.open('/account?done=name_saved')
  assert.match(page.text, /role="status">Your name is saved\./)
  assert.match(page.text, /name="name"[^>]* value="Ann ✓ Example"/)
  await ann.send('/account', 'change-name', { name: '' })
  assert.equal((await app.auth.findUserBy({ email: ANN })).name, null)
})

test('a name that cannot be used is refused beside its field, and what was typed stays', async () => {
  await using app = await startHardenedApp()
  for (const [language, sentence] of [
    ['en', /at most 64 characters/],
    ['fr', /64 caractères au plus/],
  ] as const) {
    const ann = await annsBrowser(app, language)
    const page = await ann.send('/account', 'change-name', { name: 'x'.repeat(65) })
    assertProblem(page, 400, 'name', sentence)
    assert.ok(page.text.includes('x'.repeat(65)))
  }
  assert.equal((await app.auth.findUserBy({ email: ANN })).name, null)
})

test('both addresses are mailed for a change, the page says so, and the two links make it', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  await app.newMails()
  assertLeadsTo(await ann.send('/account', 'change-address', { email: 'ann@new.example' }), '/account?done=address_requested')
  assert.match(readable(await ann.open('/account?done=address_requested')), /We have mailed a link to both addresses/)
  const mails = await app.newMails()
  assert.deepEqual(mails.map(({ to }) => to).toSorted(), [ANN, 'ann@new.example'])
  for (const mail of mails) await app.request('PUT', '/account/email', { json: { token: tokenIn(mail) } })
  assert.match(readable(await ann.open('/account')), /ann@new\.example verified/)
})

test('an address that is taken is answered like any other (R033)', async () => {
  await using app = await startHardenedApp()
  await app.addVerified('bob@example.com', 'correct horse battery staple')
  const ann = await annsBrowser(app)
  assertLeadsTo(await ann.send('/account', 'change-address', { email: 'bob@example.com' }), '/account?done=address_requested')
})

test('what is no address, the same address, or nothing is refused beside the field', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const send = (email: string) => ann.send('/account', 'change-address', { email })
  assertProblem(await send('no address'), 400, 'email', /name@example\.com/)
  assertProblem(await send(ANN), 400, 'email', /your address already/)
  assertProblem(await send(''), 400, 'email', /Enter your email address/)
})

test('only what forms can have done is said, whatever stands in the URL', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  for (const word of ['hacked', '__proto__', 'constructor', '<script>', ''])
    assert.doesNotMatch((await ann.open(`/account?done=${word}`)).text, /role="status"/)
  assert.equal((await ann.open('/account?done=name_saved&utm_source=x')).status, 200)
})
