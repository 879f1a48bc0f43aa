import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BAD_KEYS } from '../cose-key.ts'
import { addUser, startForManyClients } from '../every-token.ts'
import type { AssertionForge } from '../forge.ts'
import { keptDatabase } from '../fresh-database.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../hardened-app.ts'
import { assertRefused } from '../refusals.ts'
import { addPasskey, assertionFor, authenticatorOf, ticketOf } from '../second-factors.ts'
import { sessionOf } from '../test-app.ts'

const ANN = 'ann@example.com'
const BOB = 'bob@example.com'

/** Two services one after the other on one database: what the first has asked, the second is answered. */
async function acrossRestart(work: (begun: HardenedApp) => Promise<(restarted: HardenedApp) => Promise<void>>): Promise<void> {
  await using database = await keptDatabase()
  const options = { databaseUrl: database.url }
  await using first = await startForManyClients({}, options)
  const goOn = await work(first)
  await first.auth.close()
  await using second = await startForManyClients({}, { ...options, clock: first.clock })
  await goOn(second)
}

async function sessionFor(app: HardenedApp, email: string): Promise<string> {
  await addUser(app, email)
  return app.logIn(email, GOOD_PASSWORD)
}

const passkeysIn = ({ auth }: HardenedApp) => auth.deps.database.reads.selectFrom('passkeys').select(['id', 'sign_count']).execute()
const sessionsIn = ({ auth }: HardenedApp) => auth.deps.database.reads.selectFrom('sessions').select('id').orderBy('id').execute()

test('Keycloak CVE-2026-8830: which keys are taken is judged when one comes, also after a restart, not only asked of the browser (R155)', () =>
  acrossRestart(async (app) => {
    const session = await sessionFor(app, ANN)
    const made = await Promise.all(
      BAD_KEYS.map(async (key) => {
        const options = await app.request('POST', '/passkeys/options', { session })
        return { key, passkey: await authenticatorOf(app).create(options.json, { key }) }
      }),
    )
    return async (restarted) => {
      for (const { key, passkey } of made) {
        const answer = await restarted.request('POST', '/passkeys', { session, json: { passkey } })
        assert.equal(answer.status, 403, key)
        assertRefused(answer, 403, 'passkey_refused')
      }
      assert.deepEqual(await passkeysIn(restarted), [])
      assert.ok((await addPasskey(restarted, session)).id)
    }
  }))

test('Keycloak CVE-2025-12150: no attestation is asked for, so a forged one makes a passkey no better and no worse (R160)', async () => {
  await using app = await startForManyClients()
  let session = await sessionFor(app, ANN)
  for (const forge of [{ fmt: 'none' }, { fmt: 'packed' }, { fmt: 'packed', attStmt: () => ({ entries: [] }) }, { fmt: 'apple' }]) {
    const options = await app.request('POST', '/passkeys/options', { session })
    assert.equal(options.json.attestation, 'none')
    const added = await app.request('POST', '/passkeys', {
      session,
      json: { passkey: await authenticatorOf(app).create(options.json, { ...forge, aaguid: new Uint8Array(16).fill(7) }) },
    })
    assert.equal(added.status, 200, added.text)
    session = sessionOf(added) ?? ''
  }
  const { passkeys } = (await app.request('GET', '/passkeys', { session })).json
  // Nothing that an attestation says is kept or shown.
  for (const passkey of passkeys) assert.deepEqual(Object.keys(passkey).sort(), ['backed_up', 'created_at', 'id', 'last_used_at', 'name'])
})

test('Spring Security CVE-2026-47841: that the user must be verified is kept by nothing that is pending, and lost by no restart (R153)', () =>
  acrossRestart(async (app) => {
    const begun = await sessionFor(app, ANN)
    const { authenticator, session } = await addPasskey(app, begun)
    const ticket = await ticketOf(app, ANN, GOOD_PASSWORD)
    const creation = (await app.request('POST', '/passkeys/options', { session })).json
    const asked = {
      login: (await app.request('POST', '/sessions/passkey_options', { json: {} })).json,
      ticket: (await app.request('POST', '/sessions/passkey_options', { json: { ticket } })).json,
      stepUp: (await app.request('POST', '/reauthentication/passkey_options', { session })).json,
    }
    assert.equal(creation.authenticatorSelection.userVerification, 'required')
    for (const options of Object.values(asked)) assert.equal(options.userVerification, 'required')
    const flags = { uv: false }
    return async (restarted) => {
      const sessions = await sessionsIn(restarted)
      const login = { passkey: await authenticator.get(asked.login, { flags }) }
      assertRefused(await restarted.request('POST', '/sessions', { json: login }), 401, 'login_refused')
      const second = { ticket, passkey: await authenticator.get(asked.ticket, { flags }) }
      assertRefused(await restarted.request('PUT', '/sessions', { json: second }), 401, 'second_factor_refused')
      const stepUp = { passkey: await authenticator.get(asked.stepUp, { flags }) }
      assertRefused(await restarted.request('POST', '/reauthentication', { session, json: stepUp }), 403, 'passkey_refused')
      const made = { passkey: await authenticatorOf(restarted).create(creation, { flags }) }
      assertRefused(await restarted.request('POST', '/passkeys', { session, json: made }), 403, 'passkey_refused')
      assert.deepEqual(await sessionsIn(restarted), sessions)
      // The ticket went over the restart, and goes on with a passkey that verified its user.
      const right = { ticket, passkey: await assertionFor(restarted, authenticator, ticket) }
      assert.equal((await restarted.request('PUT', '/sessions', { json: right })).status, 200)
    }
  }))

test('Spring Security CVE-2026-47841: what is asked before a restart is answered after it, once', () =>
  acrossRestart(async (app) => {
    const { authenticator, session } = await addPasskey(app, await sessionFor(app, ANN))
    const passkey = await assertionFor(app, authenticator)
    const used = await assertionFor(app, authenticator)
    assert.equal((await app.request('POST', '/sessions', { json: { passkey: used } })).status, 200)
    const made = await authenticatorOf(app).create((await app.request('POST', '/passkeys/options', { session })).json)
    return async (restarted) => {
      assertRefused(await restarted.request('POST', '/sessions', { json: { passkey: used } }), 401, 'login_refused')
      assert.equal((await restarted.request('POST', '/sessions', { json: { passkey } })).status, 200)
      assertRefused(await restarted.request('POST', '/sessions', { json: { passkey } }), 401, 'login_refused')
      assert.equal((await restarted.request('POST', '/passkeys', { session, json: { passkey: made } })).status, 200)
    }
  }))

test('Zipline CVE-2026-126952: to know the id of a passkey, and all else that is public, logs nobody in (R154, R156)', async () => {
  await using app = await startForManyClients()
  const ann = await addPasskey(app, await sessionFor(app, ANN))
  const [{ id = '', userHandle = '' } = {}] = ann.authenticator.passkeys
  const bob = await addPasskey(app, await sessionFor(app, BOB))
  const [{ id: bobsId = '' } = {}] = bob.authenticator.passkeys
  const before = [await passkeysIn(app), await sessionsIn(app)]
  // By a key of one's own, by none, by noise: each with her id and her handle.
  const forges: AssertionForge[] = [
    {},
    { sign: () => new Uint8Array(0) },
    { sign: () => new Uint8Array(64) },
    { sign: () => new Uint8Array(64).fill(255) },
    { sign: (data) => data.slice(0, 64) },
  ]
  for (const forge of forges) {
    const options = (await app.request('POST', '/sessions/passkey_options', { json: {} })).json
    const passkey = await bob.authenticator.get(options, { ...forge, passkey: bobsId, id, userHandle })
    assertRefused(await app.request('POST', '/sessions', { json: { passkey } }), 401, 'login_refused')
  }
  const bare = { id, rawId: id, type: 'public-key', response: { clientDataJSON: '', authenticatorData: '', signature: '', userHandle } }
  assertRefused(await app.request('POST', '/sessions', { json: { passkey: bare } }), 401, 'login_refused')
  assert.equal((await app.request('POST', '/sessions', { json: { passkey: { id } } })).status, 400)
  assert.deepEqual([await passkeysIn(app), await sessionsIn(app)], before)
})

test('GitLab issue 585333: an id and a raw id that differ are refused, whichever of them is whose, and what was verified decides (R154)', async () => {
  await using app = await startForManyClients()
  const ann = await addPasskey(app, await sessionFor(app, ANN))
  const bob = await addPasskey(app, await sessionFor(app, BOB))
  const [annsId, bobsId] = [ann.authenticator.passkeys[0]?.id ?? '', bob.authenticator.passkeys[0]?.id ?? '']
  const userHandle = ann.authenticator.passkeys[0]?.userHandle ?? ''
  const ticket = await ticketOf(app, ANN, GOOD_PASSWORD)
  const before = [await passkeysIn(app), await sessionsIn(app)]
  for (const ids of [
    { id: annsId, rawId: bobsId },
    { id: bobsId, rawId: annsId },
    { id: annsId, rawId: '' },
    { id: annsId, rawId: `${annsId}=` },
    { id: '', rawId: bobsId },
  ])
    for (const forge of [ids, { ...ids, userHandle }, { ...ids, userHandle: null }]) {
      const login = { passkey: await bob.authenticator.get(await optionsOf(app, {}), { ...forge, passkey: bobsId }) }
      assertRefused(await app.request('POST', '/sessions', { json: login }), 401, 'login_refused')
      const second = { ticket, passkey: await bob.authenticator.get(await optionsOf(app, { ticket }), { ...forge, passkey: bobsId }) }
      assertRefused(await app.request('PUT', '/sessions', { json: second }), 401, 'second_factor_refused')
    }
  assert.deepEqual([await passkeysIn(app), await sessionsIn(app)], before)
  const login = await app.request('POST', '/sessions', { json: { passkey: await assertionFor(app, ann.authenticator) } })
  assert.equal((await app.request('GET', '/account', { session: sessionOf(login) ?? '' })).json.email, ANN)
})

async function optionsOf(app: HardenedApp, json: object) {
  return (await app.request('POST', '/sessions/passkey_options', { json })).json
}

test('Better Auth CVE-2025-61928: to whom a passkey is added no field says, with a session and without (R163, R245)', async () => {
  await using app = await startForManyClients()
  const bob = await addUser(app, BOB)
  const session = await sessionFor(app, ANN)
  const passkey = await authenticatorOf(app).create((await app.request('POST', '/passkeys/options', { session })).json)
  for (const name of ['userId', 'user_id', 'user', 'sub', 'email', 'id'])
    for (const [path, query] of [
      ['/passkeys/options', {}],
      ['/passkeys', { passkey }],
    ] as const) {
      const json = { ...query, [name]: bob }
      assertRefused(await app.request('POST', path, { json }), 403, 'session_required')
      assertRefused(await app.request('POST', path, { session, json }), 400, 'field_unknown', { field: name })
      const headers = { 'x-user-id': bob }
      assertRefused(await app.request('POST', `${path}?${name}=${bob}`, { json: query, headers }), 403, 'session_required')
    }
  assert.deepEqual(await passkeysIn(app), [])
  const added = await app.request('POST', `/passkeys?user_id=${bob}`, { session, json: { passkey }, headers: { 'x-user-id': bob } })
  assert.equal(added.status, 200, added.text)
  const owner = await app.auth.deps.database.reads.selectFrom('passkeys').select('user_id').executeTakeFirstOrThrow()
  assert.equal(owner.user_id, (await app.auth.findUserBy({ email: ANN })).id)
})
