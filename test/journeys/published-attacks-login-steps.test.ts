import assert from 'node:assert/strict'
import { test } from 'node:test'
import { giveFactors, ticketFor } from '../enrolled-user.ts'
import { addUser, openForm, startForManyClients } from '../every-token.ts'
import { keptDatabase } from '../fresh-database.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../hardened-app.ts'
import { codeIn, tokenIn } from '../mail-links.ts'
import { operationsOf, requiredBody } from '../openapi-operations.ts'
import { assertRefused } from '../refusals.ts'
import { addPasskey, assertionFor, enrolTotp, ticketOf, totpCode } from '../second-factors.ts'
import { sessionOf } from '../test-app.ts'

const ANN = 'ann@example.com'
const EVE = 'eve@example.com'
const NEXT_PASSWORD = 'another long passphrase'

async function enrolled(app: HardenedApp, email: string) {
  await addUser(app, email)
  const session = await app.logIn(email, GOOD_PASSWORD)
  return giveFactors(app, session)
}

test('Better Auth GHSA-xg6x-h9c9-2m83: after the password step no route of two services takes anything for a session, however often it is asked (R060, R073)', async () => {
  await using database = await keptDatabase()
  await using one = await startForManyClients({}, { databaseUrl: database.url })
  await using two = await startForManyClients({}, { databaseUrl: database.url, clock: one.clock })
  await addUser(one, ANN)
  const before = await one.logIn(ANN, GOOD_PASSWORD)
  // Both have seen the user, and the session, before there was a second factor.
  for (const app of [one, two]) assert.equal((await app.request('GET', '/account', { session: before })).status, 200)
  const { secret, session } = await enrolTotp(one, before)
  const answer = await two.request('POST', '/sessions', { json: { email: ANN, password: GOOD_PASSWORD } })
  assert.deepEqual([answer.status, answer.json.error, answer.headers.getSetCookie()], [401, 'second_factor_required', []])
  const { ticket } = answer.json
  const guarded = (await operationsOf(two)).filter(({ needsSession }) => needsSession)
  for (const app of [two, one, two, one]) {
    for (const operation of guarded) {
      const asked = { session: ticket, ...requiredBody(operation) }
      assertRefused(await app.request(operation.method, operation.path, asked), 403, 'session_required')
    }
    assert.equal(await app.auth.getUserFromSessionId(ticket), null)
  }
  // The list of sessions has none more, and the step is completed at the other service.
  assert.equal((await one.request('GET', '/sessions', { session })).json.sessions.length, 1)
  const done = await one.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(one, secret) } })
  for (const app of [two, one]) {
    assert.equal((await app.request('GET', '/account', { session: sessionOf(done) ?? '' })).status, 200)
    assertRefused(await app.request('PUT', '/sessions', { json: { ticket, totp_code: totpCode(one, secret, 1) } }), 401, 'ticket_invalid')
  }
})

test('Better Auth GHSA-xg6x-h9c9-2m83: a factor that is added at one service is asked for at the other in the very next login (R169)', async () => {
  await using database = await keptDatabase()
  await using one = await startForManyClients({}, { databaseUrl: database.url })
  await using two = await startForManyClients({}, { databaseUrl: database.url, clock: one.clock })
  await addUser(one, ANN)
  const elsewhere = await two.logIn(ANN, GOOD_PASSWORD)
  assert.equal((await two.request('GET', '/account/export', { session: elsewhere })).status, 200)
  const { session } = await enrolTotp(one, await one.logIn(ANN, GOOD_PASSWORD))
  await ticketOf(two, ANN, GOOD_PASSWORD)
  assertRefused(await two.request('GET', '/account/export', { session: elsewhere }), 403, 'step_up_required')
  assert.equal((await two.request('DELETE', '/totp', { session })).status, 200)
  assert.ok(await one.logIn(ANN, GOOD_PASSWORD))
})

test('Logto CVE-2026-15616: every way to begin a login asks for the second factor, the forms of pages too (R139)', async () => {
  await using app = await startForManyClients()
  const { authenticator } = await enrolled(app, ANN)
  const mailed = async () => {
    await app.request('POST', '/login_codes', { json: { email: ANN } })
    return (await app.newMails()).findLast(({ kind }) => kind === 'login_code')
  }
  const ways: Readonly<Record<string, () => Promise<object>>> = {
    password: async () => ({ email: ANN, password: GOOD_PASSWORD }),
    code: async () => ({ email: ANN, code: codeIn(await mailed()) }),
    link: async () => ({ token: tokenIn(await mailed()) }),
  }
  for (const [name, way] of Object.entries(ways)) {
    const answer = await app.request('POST', '/sessions', { json: await way() })
    assert.deepEqual([answer.status, answer.json.error, sessionOf(answer)], [401, 'second_factor_required', null], name)
  }
  app.clock.advance(3_600)
  const { formId, formToken } = await openForm(app)
  const form = { form_token: formToken, token: tokenIn(await mailed()) }
  const page = await app.request('POST', '/forms/login-link', { form, headers: { cookie: `form_id=${formId}` } })
  assert.equal(sessionOf(page), null, page.text)
  // A new password is no way around it, whoever sets it.
  for (const set of [
    async () => app.auth.updatePassword(await app.auth.getResetPasswordToken(ANN), NEXT_PASSWORD),
    async () => {
      await app.request('POST', '/reset_password', { json: { email: ANN } })
      const reset_token = tokenIn((await app.newMails()).findLast(({ kind }) => kind === 'reset_password'))
      const answer = await app.request('PUT', '/reset_password', { json: { email: ANN, reset_token, new_password: NEXT_PASSWORD } })
      assert.deepEqual([answer.status, sessionOf(answer)], [200, null])
    },
  ]) {
    await set()
    await ticketOf(app, ANN, NEXT_PASSWORD)
  }
  // What is two factors in one is asked for no other.
  const alone = await app.request('POST', '/sessions', { json: { passkey: await assertionFor(app, authenticator) } })
  assert.equal(alone.status, 200, alone.text)
})

test('Keycloak CVE-2026-94218: where a second factor is required, no step of the flow leads past adding one (R139, R174)', async () => {
  await using app = await startForManyClients({ BIENVENUE_SECOND_FACTOR: 'required' })
  await addUser(app, ANN)
  const begin = () => ticketOf(app, ANN, GOOD_PASSWORD)
  const ticket = await begin()
  const begun = await app.request('POST', '/totp', { json: { ticket } })
  assert.equal(begun.status, 200, begun.text)
  const code = totpCode(app, begun.json.secret)
  const restarted = await begin()
  const none = { totp_code: code, recovery_code: 'AAAA-AAAA-AAAA-AAAA' }
  const actions: (() => ReturnType<HardenedApp['request']>)[] = [
    // Completing it with what was not added yet, with nothing, and with the ticket of a login that began anew.
    () => app.request('PUT', '/sessions', { json: { ticket, totp_code: none.totp_code } }),
    () => app.request('PUT', '/sessions', { json: { ticket, recovery_code: none.recovery_code } }),
    () => app.request('PUT', '/sessions', { json: { ticket } }),
    () => app.request('PUT', '/totp', { json: { ticket: restarted, code } }),
    () => app.request('PUT', '/totp', { json: { code } }),
    () => app.request('DELETE', '/totp', { json: {} }),
    () => app.request('POST', '/sessions', { json: { ticket } }),
    () => app.request('POST', '/recovery_codes', { session: ticket }),
    () => app.request('PUT', '/reset_password', { json: { email: ANN, reset_token: ticket, new_password: NEXT_PASSWORD } }),
    () => app.request('POST', '/reauthentication', { session: ticket, json: { password: GOOD_PASSWORD } }),
  ]
  for (const at of actions.keys()) {
    // Every round begins with another one.
    const order = [...actions.slice(at), ...actions.slice(0, at)].slice(0, 2)
    for (const action of order) {
      const answer = await action()
      assert.ok(answer.status >= 400 && answer.status < 500, `${at} ${answer.status} ${answer.text}`)
      assert.deepEqual(answer.headers.getSetCookie(), [])
    }
    assert.equal((await app.request('POST', '/sessions', { json: { email: ANN, password: GOOD_PASSWORD } })).json.factors.length, 0)
    app.clock.advance(30)
  }
  const fresh = await begin()
  const { secret } = (await app.request('POST', '/totp', { json: { ticket: fresh } })).json
  app.clock.advance(900)
  assertRefused(await app.request('PUT', '/totp', { json: { ticket: fresh, code: totpCode(app, secret) } }), 403, 'session_required')
})

test('Keycloak CVE-2026-18963: the steps of two logins, of two users and of two kinds are never one login, in whatever order (R174)', async () => {
  await using app = await startForManyClients()
  const [ann, eve] = [await enrolled(app, ANN), await enrolled(app, EVE)]
  const optionsOf = async (json: object) => (await app.request('POST', '/sessions/passkey_options', { json })).json
  const [hers, another, eves] = [await ticketFor(app, ANN), await ticketFor(app, ANN), await ticketFor(app, EVE)]
  const code = (held: typeof ann, steps: number) => totpCode(app, held.secret, steps)
  const mixed: Readonly<Record<string, object>> = {
    'her ticket, Eve’s code': { ticket: hers, totp_code: code(eve, 1) },
    'her ticket, Eve’s recovery code': { ticket: hers, recovery_code: eve.recoveryCodes[0] },
    'her ticket, Eve’s passkey': { ticket: hers, passkey: await eve.authenticator.get(await optionsOf({ ticket: eves })) },
    'her ticket, her passkey for nobody’s login': { ticket: hers, passkey: await ann.authenticator.get(await optionsOf({})) },
    'her ticket, her passkey for her other login': {
      ticket: hers,
      passkey: await ann.authenticator.get(await optionsOf({ ticket: another })),
    },
    'Eve’s ticket, her code': { ticket: eves, totp_code: code(ann, 1) },
    'Eve’s ticket, her recovery code': { ticket: eves, recovery_code: ann.recoveryCodes[0] },
    'Eve’s ticket, her passkey': { ticket: eves, passkey: await ann.authenticator.get(await optionsOf({ ticket: hers })) },
  }
  for (const [name, json] of Object.entries(mixed)) {
    const answer = await app.request('PUT', '/sessions', { json })
    assertRefused(answer, 401, 'second_factor_refused')
    assert.equal(sessionOf(answer), null, name)
  }
  // A passkey that was asked for with a ticket begins no login, either.
  const passkey = await ann.authenticator.get(await optionsOf({ ticket: hers }))
  assertRefused(await app.request('POST', '/sessions', { json: { passkey } }), 401, 'login_refused')
  // They were right, each in its place.
  assert.equal((await app.request('PUT', '/sessions', { json: { ticket: hers, totp_code: code(ann, 1) } })).status, 200)
  assert.equal((await app.request('PUT', '/sessions', { json: { ticket: eves, recovery_code: eve.recoveryCodes[0] } })).status, 200)
})

test('Keycloak CVE-2026-9798, Authelia CVE-2026-47203: wrong second factors are counted together, whichever way they come (R045, R046)', async () => {
  await using app = await startForManyClients()
  await addUser(app, ANN)
  const { secret, recoveryCodes, session } = await enrolTotp(app, await app.logIn(ANN, GOOD_PASSWORD))
  const tries: (() => ReturnType<HardenedApp['request']>)[] = [
    async () => app.request('PUT', '/sessions', { json: { ticket: await ticketFor(app, ANN), totp_code: '000000' } }),
    async () => app.request('PUT', '/sessions', { json: { ticket: await ticketFor(app, ANN), recovery_code: '0000-0000-0000-0000' } }),
    () => app.request('POST', '/reauthentication', { session, json: { totp_code: '000000' } }),
    async () => {
      await app.request('POST', '/totp', { session })
      return app.request('PUT', '/totp', { session, json: { code: '000000' } })
    },
    async () => app.request('PUT', '/sessions', { json: { ticket: await ticketOf(app, ANN, GOOD_PASSWORD), totp_code: '111111' } }),
  ]
  for (const wrong of tries) {
    const { status, text } = await wrong()
    assert.ok(status >= 400 && status < 429, text)
  }
  for (const wrong of tries) assertRefused(await wrong(), 429, 'too_many_attempts')
  const ticket = await ticketOf(app, ANN, GOOD_PASSWORD)
  for (const right of [{ totp_code: totpCode(app, secret) }, { recovery_code: recoveryCodes[0] }])
    assertRefused(await app.request('PUT', '/sessions', { json: { ticket, ...right } }), 429, 'too_many_attempts')
  app.clock.advance(900)
  const later = await ticketOf(app, ANN, GOOD_PASSWORD)
  assert.equal((await app.request('PUT', '/sessions', { json: { ticket: later, totp_code: totpCode(app, secret) } })).status, 200)
})

test('@fastify/passport GHSA-2ccf-ffrj-m4qw, passport CVE-2022-25896: what a browser held before a login is nothing after its second factor (R059, R086)', async () => {
  await using app = await startForManyClients()
  await addUser(app, ANN)
  const added = await addPasskey(app, await app.logIn(ANN, GOOD_PASSWORD))
  const planted = 'P'.repeat(43)
  for (const before of ['', planted, added.session]) {
    const form = await openForm(app, `session_id=${before}`)
    const cookie = `session_id=${before}; form_id=${form.formId}`
    const ticket = await ticketOf(app, ANN, GOOD_PASSWORD)
    const passkey = await assertionFor(app, added.authenticator, ticket)
    const done = await app.request('PUT', '/sessions', { json: { ticket, passkey }, headers: { cookie } })
    const after = sessionOf(done) ?? ''
    assert.equal(done.status, 200, done.text)
    assert.ok(![before, planted, ticket].includes(after))
    const submit = { form_token: form.formToken, token: 'x'.repeat(43) }
    const headers = { cookie: `session_id=${after}; form_id=${form.formId}` }
    assert.equal((await app.request('POST', '/forms/login-link', { form: submit, headers })).status, 403)
    for (const old of [before, planted, ticket])
      assertRefused(await app.request('GET', '/account', { session: old }), 403, 'session_required')
  }
})
