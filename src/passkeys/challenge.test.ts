import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flipBit } from '../../test/forge.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import {
  assertNotAdded,
  assertNotLoggedIn,
  creationOptionsOf,
  logInAs,
  PASSWORD,
  reasonOf,
  requestOptionsOf,
  STALE,
  storedIn,
  tryToLogIn,
  withPasskey,
} from '../../test/passkey-attempts.ts'
import { assertRefused } from '../../test/refusals.ts'
import { addPasskey, assertionFor, authenticatorOf, ticketOf } from '../../test/second-factors.ts'
import { hardenedEnv, sessionOf, startTestApp, TEST_SECRET, type TestApp, type TestResponse } from '../../test/test-app.ts'
import { removeExpiredChallenges } from './challenge.ts'

const OTHER_SECRET = 'v2:Qx3mT8bLw5RkYc1ZpVn6Hd9JgSf4AeUo2KiXtWyGqBzMrNsC'
const logIn = (app: TestApp, passkey: unknown) => app.request('POST', '/sessions', { json: { passkey } })
const add = (app: TestApp, session: string, passkey: unknown) => app.request('POST', '/passkeys', { session, json: { passkey } })
const usedIn = ({ auth }: TestApp) => auth.deps.database.reads.selectFrom('used_challenges').selectAll().execute()

test('an answer to a challenge is good once, and never again (R148)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app)
  const passkey = await assertionFor(app, authenticator)
  assert.equal((await logIn(app, passkey)).status, 200)
  assertNotLoggedIn(app, await logIn(app, passkey), STALE)
  const made = await authenticatorOf(app).create(await creationOptionsOf(app, session))
  const added = await add(app, session, made)
  assert.equal(added.status, 200)
  assertNotAdded(app, await add(app, sessionOf(added) ?? '', made), STALE)
})

test('a challenge is used up by the first try, whatever was wrong with it (R148)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app)
  const before = await storedIn(app)
  for (const [reason, forge] of [
    ['unverifiable', { sign: () => new Uint8Array(63) }],
    ['signature', { sign: (data: Uint8Array, sign: (data: Uint8Array) => Uint8Array) => flipBit(sign(data), 100) }],
    ['another origin', { clientData: { origin: 'https://evil.example' } }],
    ['another ceremony', { clientData: { type: 'webauthn.create' } }],
    ['unknown credential', { id: 'AAAA' }],
  ] as const) {
    const options = await requestOptionsOf(app)
    const first = await logIn(app, await authenticator.get(options, forge))
    assert.equal(first.status, 401)
    if (reason !== 'unverifiable') assert.equal(reasonOf(app, first), reason)
    assertNotLoggedIn(app, await logIn(app, await authenticator.get(options)), STALE, reason)
  }
  for (const forge of [{ clientData: { origin: 'https://evil.example' } }, { flags: { uv: false } }, { fmt: 'none', id: 'AAAA' }]) {
    const options = await creationOptionsOf(app, session)
    assert.equal((await add(app, session, await authenticatorOf(app).create(options, forge))).status, 403)
    assertNotAdded(app, await add(app, session, await authenticatorOf(app).create(options)), STALE)
  }
  assert.deepEqual(await storedIn(app), before)
})

test('a challenge is good for the ceremony, session, login and step-up that it was made for, and no other (R148)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app)
  // Another session of the same user, and two logins under way.
  const other = sessionOf(await tryToLogIn(app, authenticator)) ?? ''
  const tickets = [await ticketOf(app, 'ann@example.com', PASSWORD), await ticketOf(app, 'ann@example.com', PASSWORD)]
  const post = async (path: string, request: object) => (await app.request('POST', path, request)).json.challenge as string
  const challenges: Record<string, () => Promise<string>> = {
    'add, one session': () => post('/passkeys/options', { session }),
    'add, other session': () => post('/passkeys/options', { session: other }),
    login: () => post('/sessions/passkey_options', { json: {} }),
    'one ticket': () => post('/sessions/passkey_options', { json: { ticket: tickets[0] } }),
    'other ticket': () => post('/sessions/passkey_options', { json: { ticket: tickets[1] } }),
    'step-up, one session': () => post('/reauthentication/passkey_options', { session }),
    'step-up, other session': () => post('/reauthentication/passkey_options', { session: other }),
  }
  const { hostname: rpId } = app.config.publicUrl
  const get = async (challenge: string) => authenticator.get({ challenge, rpId })
  const create = async (challenge: string, token: string) =>
    authenticatorOf(app).create({ ...(await creationOptionsOf(app, token)), challenge })
  const doors: Record<string, (challenge: string) => Promise<TestResponse>> = {
    'add, one session': async (challenge) => add(app, session, await create(challenge, session)),
    'add, other session': async (challenge) => add(app, other, await create(challenge, other)),
    login: async (challenge) => logIn(app, await get(challenge)),
    'one ticket': async (challenge) => app.request('PUT', '/sessions', { json: { ticket: tickets[0], passkey: await get(challenge) } }),
    'other ticket': async (challenge) => app.request('PUT', '/sessions', { json: { ticket: tickets[1], passkey: await get(challenge) } }),
    'step-up, one session': async (challenge) =>
      app.request('POST', '/reauthentication', { session, json: { passkey: await get(challenge) } }),
    'step-up, other session': async (challenge) =>
      app.request('POST', '/reauthentication', { session: other, json: { passkey: await get(challenge) } }),
  }
  const before = await storedIn(app)
  for (const [from, makeChallenge] of Object.entries(challenges))
    for (const [to, present] of Object.entries(doors)) {
      if (from === to) continue
      const answer = await present(await makeChallenge())
      assert.ok([401, 403].includes(answer.status), `${from} at ${to}: ${answer.status} ${answer.text}`)
      assert.equal(reasonOf(app, answer), STALE, `${from} at ${to}`)
    }
  assert.deepEqual(await storedIn(app), before)
  for (const to of ['login', 'one ticket', 'other ticket']) {
    // A completed login is no change of factors, so the other ticket goes on.
    const answer = await doors[to]?.((await challenges[to]?.()) ?? '')
    assert.equal(answer?.status, 200, `${to}: ${answer?.text}`)
  }
})

test('a challenge for using a passkey makes none, also within one login (R148)', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_SECOND_FACTOR: 'required' } })
  await app.register('ann@example.com', PASSWORD)
  const ticket = await ticketOf(app, 'ann@example.com', PASSWORD)
  const creation = (await app.request('POST', '/passkeys/options', { json: { ticket } })).json
  const { challenge } = (await app.request('POST', '/sessions/passkey_options', { json: { ticket } })).json
  const made = await authenticatorOf(app).create({ ...creation, challenge })
  assertNotAdded(app, await app.request('POST', '/passkeys', { json: { ticket, passkey: made } }), STALE)
  const right = await authenticatorOf(app).create(creation)
  assert.equal((await app.request('POST', '/passkeys', { json: { ticket, passkey: right } })).status, 200)
})

test('a challenge is over after five minutes, to the second (R148)', async () => {
  await using app = await startTestApp()
  const { authenticator } = await withPasskey(app)
  const [early, late] = [await assertionFor(app, authenticator), await assertionFor(app, authenticator)]
  app.clock.advance(299)
  assert.equal((await logIn(app, early)).status, 200)
  app.clock.advance(1)
  assertNotLoggedIn(app, await logIn(app, late), STALE)
  // One of a clock that was far ahead.
  app.clock.advance(3_600)
  const future = await assertionFor(app, authenticator)
  app.clock.advance(-3_600)
  assertNotLoggedIn(app, await logIn(app, future), STALE)
})

test('of twenty answers to one challenge at the same moment one is taken (R148)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app)
  const options = await requestOptionsOf(app)
  const passkeys = await Promise.all(Array.from({ length: 20 }, () => authenticator.get(options)))
  const logins = await Promise.all(passkeys.map((passkey) => logIn(app, passkey)))
  assert.deepEqual(logins.map(({ status }) => status).sort(), [200, ...Array(19).fill(401)])
  const creation = await creationOptionsOf(app, session)
  const made = await Promise.all(Array.from({ length: 20 }, () => authenticatorOf(app).create(creation)))
  const added = await Promise.all(made.map((passkey) => add(app, session, passkey)))
  assert.equal(added.filter(({ status }) => status === 200).length, 1)
  assert.equal((await storedIn(app)).passkeys.length, 2)
})

test('a challenge that is not ours, or is altered or spelt otherwise, is none, and leaves no trace (R148)', async () => {
  await using app = await startTestApp()
  await using elsewhere = await startTestApp({ env: hardenedEnv({ BIENVENUE_SECRET: OTHER_SECRET }) })
  const { authenticator } = await withPasskey(app)
  const before = await usedIn(app)
  const options = await requestOptionsOf(app)
  const bytes = Buffer.from(options.challenge, 'base64url')
  const altered = [0, 5, 6, 21, 22, 53].map((at) => Buffer.from(flipBit(bytes, at * 8 + 7)).toString('base64url'))
  const foreign = (await requestOptionsOf(elsewhere)).challenge
  const spelt = [`${options.challenge}=`, `${options.challenge}A`, options.challenge.slice(0, -1), '', 'AAAA', '\0', 7, null]
  for (const challenge of [...altered, foreign, ...spelt, bytes.toString('base64'), Buffer.alloc(54).toString('base64url')]) {
    if (challenge === options.challenge) continue
    const answer = await logIn(app, await authenticator.get(options, { clientData: { challenge } }))
    assertRefused(answer, 401, 'login_refused')
  }
  assert.deepEqual(await usedIn(app), before)
  assert.equal((await logIn(app, await authenticator.get(options))).status, 200)
})

test('asking stores nothing; of a challenge that came back a digest is kept until it would have been over (R148)', async () => {
  await using app = await startTestApp()
  const { authenticator, session } = await withPasskey(app)
  assert.equal((await usedIn(app)).length, 1)
  const all = [await requestOptionsOf(app), await requestOptionsOf(app), await creationOptionsOf(app, session)]
  assert.equal(new Set(all.map(({ challenge }) => challenge)).size, 3)
  for (const { challenge } of all) assert.ok(Buffer.from(challenge, 'base64url').length >= 32)
  assert.equal((await usedIn(app)).length, 1)
  const { challenge } = all[0]
  await logIn(app, await authenticator.get(all[0]))
  const used = (await usedIn(app)).map((row) => Buffer.from(row.challenge_hash))
  assert.equal(used.length, 2)
  for (const digest of used) {
    assert.equal(digest.length, 32)
    // What is in the database is no challenge, and nothing that one could be made of.
    assert.notEqual(digest.toString('base64url'), challenge)
    assert.ok(!digest.includes(Buffer.from(challenge, 'base64url').subarray(0, 22)))
  }
  assert.equal(await removeExpiredChallenges(app.auth.deps, 100), 0)
  app.clock.advance(300)
  assert.equal(await removeExpiredChallenges(app.auth.deps, 1), 1)
  assert.equal(await removeExpiredChallenges(app.auth.deps, 100), 1)
})

test('a challenge outlives a rotation of the secret, and is used up for all processes; without its version it is none (R148)', async () => {
  await using database = await keptDatabase()
  const [v1, v2] = [TEST_SECRET, OTHER_SECRET]
  const start = (secret: string, clock?: TestApp['clock']) =>
    startTestApp({ databaseUrl: database.url, env: hardenedEnv({ BIENVENUE_SECRET: secret }), ...(clock && { clock }) })
  await using before = await start(v1)
  const { authenticator } = await withPasskey(before)
  await using staged = await start(`${v1},${v2}`, before.clock)
  await using rotated = await start(`${v2},${v1}`, before.clock)
  const [one, two] = [await assertionFor(before, authenticator), await assertionFor(rotated, authenticator)]
  assert.equal((await logIn(rotated, one)).status, 200)
  assertNotLoggedIn(before, await logIn(before, one), STALE)
  assert.equal((await logIn(staged, two)).status, 200)
  assertNotLoggedIn(rotated, await logIn(rotated, two), STALE)
  const three = await assertionFor(rotated, authenticator)
  assertNotLoggedIn(before, await logIn(before, three), STALE)
  assert.equal((await logIn(rotated, three)).status, 200)
})

test('a challenge for adding ends with the session that asked', async () => {
  await using app = await startTestApp()
  const session = await logInAs(app, 'ann@example.com')
  const made = await authenticatorOf(app).create(await creationOptionsOf(app, session))
  // The session goes on under a new token, and is the same one.
  const renewed = sessionOf(await app.request('POST', '/reauthentication', { session, json: { password: PASSWORD } })) ?? ''
  assertRefused(await add(app, session, made), 403, 'session_required')
  await app.request('DELETE', '/sessions', { session: renewed })
  assertRefused(await add(app, renewed, made), 403, 'session_required')
  const again = await app.logIn('ann@example.com', PASSWORD)
  assertNotAdded(app, await add(app, again, made), STALE)
  assert.equal((await addPasskey(app, again)).recoveryCodes.length > 0, true)
})
