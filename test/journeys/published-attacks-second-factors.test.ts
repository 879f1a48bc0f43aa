import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, startForManyClients } from '../every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../hardened-app.ts'
import { codeIn, tokenIn } from '../mail-links.ts'
import { assertAnswered, assertRefused } from '../refusals.ts'
import { enrolTotp, ticketOf, totpCode } from '../second-factors.ts'
import { sessionOf } from '../test-app.ts'
import { addTotpUser, completeWith, manySessions, manyTickets, statusesOf } from '../totp-user.ts'

const EMAIL = 'ann@example.com'
const LOGGED_IN = { email: EMAIL, message: 'logged in' }

const SENSITIVE = [
  ['GET', '/account/export'],
  ['POST', '/account/email'],
  ['POST', '/totp'],
  ['DELETE', '/totp'],
  ['POST', '/recovery_codes'],
  ['POST', '/passkeys/options'],
  ['DELETE', '/account'],
] as const

async function loginMail(app: HardenedApp) {
  await app.request('POST', '/login_codes', { json: { email: EMAIL } })
  return (await app.newMails()).findLast(({ kind }) => kind === 'login_code')
}

test('Ory Kratos CVE-2024-45042: how much a session must prove is read from the factors there are, and nothing that is stored beside them lowers it (R169)', async () => {
  await using app = await startForManyClients()
  const id = await addUser(app, EMAIL)
  const old = await app.logIn(EMAIL, GOOD_PASSWORD)
  const read = (session: string) => app.request('GET', '/account/export', { session })
  assert.equal((await read(old)).status, 200)
  const { secret } = await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))
  const { database } = app.auth.deps
  const [other = ''] = await manySessions(app, id, 1, ['pwd'])
  /** Whatever the rows of the sessions say, or fail to say. */
  const said = [{ second_factor_at: null }, { amr: '' }, { amr: 'mfa' }, { amr: 'pwd mfa' }, { authenticated_at: app.clock.now() }]
  for (const row of said) {
    await database.inTransaction((tx) => tx.updateTable('sessions').set(row).execute())
    for (const one of [old, other])
      for (const [method, path] of SENSITIVE) {
        const json = path === '/account/email' ? { email: 'x@new.example' } : undefined
        assertRefused(await app.request(method, path, { session: one, ...(json && { json }) }), 403, 'step_up_required')
      }
  }
  const stepUp = await app.request('POST', '/reauthentication', { session: old, json: { totp_code: totpCode(app, secret) } })
  assert.equal((await read(sessionOf(stepUp) ?? '')).status, 200)
})

test('Ory Kratos issue 4317: one mailbox is one factor, however often it is proved (R141)', async () => {
  await using app = await startForManyClients()
  await addTotpUser(app)
  const mail = await loginMail(app)
  const [code, token] = [codeIn(mail), tokenIn(mail)]
  const begun = await app.request('POST', '/sessions', { json: { email: EMAIL, code } })
  const { ticket } = begun.json
  assert.equal(begun.json.error, 'second_factor_required')
  const next = await loginMail(app)
  for (const again of [code, codeIn(next)])
    for (const field of ['totp_code', 'recovery_code'])
      assertRefused(await app.request('PUT', '/sessions', { json: { ticket, [field]: again } }), 401, 'second_factor_refused')
  for (const link of [token, tokenIn(next)]) {
    const { status, json } = await app.request('POST', '/sessions', { json: { token: link, ticket } })
    assert.equal(status, 401)
    assert.ok(['second_factor_required', 'login_refused'].includes(json.error), json.error)
  }
  // Nor does a reset, which proves the mailbox too, stand beside it.
  await app.request('POST', '/reset_password', { json: { email: EMAIL } })
  const reset_token = tokenIn((await app.newMails()).findLast(({ kind }) => kind === 'reset_password'))
  const reset = await app.request('PUT', '/reset_password', {
    json: { email: EMAIL, reset_token, new_password: 'another long passphrase' },
  })
  assert.deepEqual([reset.status, sessionOf(reset)], [200, null])
  const { json } = await app.logInAnswer(EMAIL, 'another long passphrase')
  assert.equal(json.error, 'second_factor_required')
  const sessions = await app.auth.deps.database.reads.selectFrom('sessions').select('amr').where('amr', 'like', '%email%').execute()
  assert.deepEqual(sessions, [])
})

test('listmonk CVE-2026-128332, Vikunja CVE-2026-35597, Keycloak GHSA-85v8-vx4w-q684: three codes with each of ten logins are five in all, over HTTP, and a handler that breaks forgives none (R046, R047)', async () => {
  await using app = await startForManyClients()
  const { secret, recoveryCodes, session } = await addTotpUser(app)
  const { database } = app.auth.deps
  const evaluated: string[] = []
  for (let login = 0; login < 10; login++) {
    const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
    for (const factor of [{ totp_code: '000000' }, { recovery_code: '0000-0000-0000-0000' }, { totp_code: '111111' }]) {
      const { status, json } = await app.request('PUT', '/sessions', { json: { ticket, ...factor } })
      if (status === 401) evaluated.push(json.error)
      else assert.equal(status, 429)
    }
  }
  assert.deepEqual(evaluated, Array(5).fill('second_factor_refused'))
  const right = { totp_code: totpCode(app, secret) }
  for (const factor of [right, { recovery_code: recoveryCodes[0] }])
    assertRefused(await completeWith(app, factor), 429, 'too_many_attempts')
  assertRefused(await app.request('POST', '/reauthentication', { session, json: right }), 429, 'too_many_attempts')
  // A request whose transaction is undone after the code was found right: the count stays.
  app.clock.advance(900)
  await database.inTransaction((tx) => tx.deleteFrom('throttles').execute())
  const [ticket] = await manyTickets(app, (await app.auth.findUserBy({ email: EMAIL })).id, 1)
  await database.inTransaction((tx) => tx.schema.alterTable('mails').renameTo('mails_away').execute())
  for (let at = 0; at < 5; at++)
    assert.equal((await app.request('PUT', '/sessions', { json: { ticket, recovery_code: recoveryCodes[1] } })).status, 500, `${at}`)
  await database.inTransaction((tx) => tx.schema.alterTable('mails_away').renameTo('mails').execute())
  const after = await app.request('PUT', '/sessions', { json: { ticket, recovery_code: recoveryCodes[1] } })
  assertRefused(after, 429, 'too_many_attempts')
  // And nothing was used up by it.
  app.clock.advance(900)
  assertAnswered(await completeWith(app, { recovery_code: recoveryCodes[1] }), LOGGED_IN)
})

test('Parse Server GHSA-4hf6-3x24-c9m8, MISP CVE-2026-107276: a recovery code and a code are good once, one after another and fifty at the same moment (R136, R144)', async () => {
  await using app = await startForManyClients()
  const { id, secret, recoveryCodes } = await addTotpUser(app)
  const forms = [{ totp_code: totpCode(app, secret) }, { recovery_code: recoveryCodes[0] }]
  for (const factor of forms) {
    const tickets = await manyTickets(app, id, 50)
    const answers = await Promise.all(tickets.map((ticket) => app.request('PUT', '/sessions', { json: { ticket, ...factor } })))
    const { 200: successes, ...others } = statusesOf(answers)
    assert.equal(successes, 1, JSON.stringify(others))
    app.clock.advance(900)
    await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('throttles').execute())
  }
  assertRefused(await completeWith(app, { recovery_code: recoveryCodes[0] }), 401, 'second_factor_refused')
  // Once in each way of writing it, and once in all.
  const again = (recoveryCodes[1] ?? '').toLowerCase().replaceAll('-', '')
  assertAnswered(await completeWith(app, { recovery_code: again }), LOGGED_IN)
  for (const spelling of [again, again.toUpperCase(), recoveryCodes[1]])
    assertRefused(await completeWith(app, { recovery_code: spelling }), 401, 'second_factor_refused')
  const sessions = await app.auth.deps.database.reads.selectFrom('sessions').select('id').where('user_id', '=', id).execute()
  assert.equal(sessions.length, 4, 'the one that added the app, and three logins')
})
