import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANN, annsBrowser, readable } from '../../test/account-browser.ts'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { AUDIT_EVENTS } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import { USER_EVENTS } from './texts/event-names.ts'
import { TEXTS } from './texts/texts.ts'

const PATH = '/account/events'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'

test('every event that can concern a user has words of its own in both languages', () => {
  const ofTheService = AUDIT_EVENTS.filter((name) => !USER_EVENTS.some((one) => one === name))
  assert.deepEqual(ofTheService, ['sys_startup', 'key_rotated', 'config_changed', 'audit_cut'])
  for (const { account } of Object.values(TEXTS)) {
    assert.deepEqual(Object.keys(account.events.names).toSorted(), USER_EVENTS.toSorted())
    assert.equal(new Set(Object.values(account.events.names)).size, USER_EVENTS.length)
  }
})

test('a person reads what happened, when, from where, with what, and what failed; in both languages', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app, 'en', FIREFOX)
  await app.logInAnswer(ANN, 'not the password of ann')
  const english = readable(await ann.open(PATH))
  assert.match(english, /Attempt to log in failed 1 January 2026 at 00:00 UTC from 127\.0\.0\.1/)
  assert.match(english, /Login 1 January 2026 at 00:00 UTC from 127\.0\.0\.1 · Firefox on Windows · proved with: password/)
  assert.match(english, /Account created 1 January 2026 at 00:00 UTC by the application/)
  const french = readable(await (await annsBrowser(app, 'fr')).open(PATH))
  assert.match(french, /Tentative de connexion échec 1 janvier 2026 à 00:00 UTC depuis 127\.0\.0\.1/)
  assert.match(french, /Compte créé 1 janvier 2026 à 00:00 UTC par l’application/)
})

test('events come 25 at a time, and the links lead through all of them once', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  for (let count = 0; count < 60; count++) await ann.send('/account', 'change-name', { name: `Ann ${count}` })
  const sizes: number[] = []
  let next: string | undefined = PATH
  let isFirst = true
  while (next !== undefined) {
    const page = await ann.open(next)
    sizes.push([...page.text.matchAll(/<strong>/g)].length)
    assert.equal(/>Newest</.test(page.text), !isFirst)
    next = /href="([^"]+)" rel="next"/.exec(page.text)?.[1]
    isFirst = false
  }
  // The registration, the login, and sixty names.
  assert.deepEqual(sizes, [25, 25, 12])
})

test('there is no page before what is no event', async () => {
  await using app = await startHardenedApp()
  const ann = await annsBrowser(app)
  const answer = await ann.open(`${PATH}?before=%22%3E%3Cscript%3E`)
  assert.equal(answer.status, 400)
  assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  const empty = await ann.open(`${PATH}?before=00000000-0000-0000-0000-000000000000`)
  assert.equal(empty.status, 200)
  assert.match(readable(empty), /There is nothing here/)
})

test('nobody sees another’s events, and all see what the operator did', async () => {
  await using app = await startHardenedApp()
  await app.addVerified('bob@example.com', GOOD_PASSWORD)
  await app.logInAnswer('bob@example.com', 'not the password of bob')
  const ann = await annsBrowser(app)
  assert.doesNotMatch(readable(await ann.open(PATH)), /Attempt to log in/)
  const { deps } = app.auth
  const { id: subject } = await app.auth.findUserBy({ email: ANN })
  const origin = { address: null, userAgent: null, requestId: null }
  const event = { name: 'audit_read', actor: 'operator', outcome: 'success', subject, origin } as const
  await deps.database.inTransaction((tx) => recordEvent(deps, tx, event))
  assert.match(readable(await ann.open(PATH)), /Activity read 1 January 2026 at 00:00 UTC by the operator/)
})
