import assert from 'node:assert/strict'
import { test } from 'node:test'
import { occupyHashQueue } from '../../test/busy-hash-queue.ts'
import { addUser, startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../../test/hardened-app.ts'
import { tokenIn } from '../../test/mail-links.ts'
import { operationsOf } from '../../test/openapi-operations.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { addPasskey, enrolTotp, totpCode } from '../../test/second-factors.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, manyTickets, statusesOf } from '../../test/totp-user.ts'
import { TABLES } from '../db/table-list.ts'
import { checkRecoveryCode } from './recovery-code.ts'

const EMAIL = 'ann@example.com'
const LOGGED_IN = { email: EMAIL, message: 'logged in' }
const MADE_UP = '0000-0000-0000-0000'
const refused = (answer: Parameters<typeof assertRefused>[0]) => assertRefused(answer, 401, 'second_factor_refused')
const kindsOf = async (app: HardenedApp) => (await app.newMails()).map(({ kind }) => kind)

test('there are ten codes of eighty bits, shown once, where a second factor was proved, and kept in no cache (R142)', async () => {
  await using app = await startForManyClients()
  await addUser(app, EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  assertRefused(await app.request('POST', '/recovery_codes', { session }), 404, 'factor_not_found')
  const enrolled = await enrolTotp(app, session)
  const answer = await app.request('POST', '/recovery_codes', { session: enrolled.session })
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const codes: string[] = answer.json.recovery_codes
  for (const set of [codes, enrolled.recoveryCodes]) {
    assert.equal(new Set(set).size, 10)
    for (const code of set) assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
  }
  for (const { method, path } of await operationsOf(app)) {
    if (method !== 'GET') continue
    const { text } = await app.request('GET', path.replace('{id}', 'x'), { session: enrolled.session })
    for (const code of [...codes, ...enrolled.recoveryCodes]) assert.ok(!text.includes(code), path)
  }
  assert.equal((await app.request('GET', '/recovery_codes', { session: enrolled.session })).status, 405)
})

test('the first passkey brings codes, and the next one leaves them as they are', async () => {
  await using app = await startForManyClients()
  await addUser(app, EMAIL)
  const first = await addPasskey(app, await app.logIn(EMAIL, GOOD_PASSWORD))
  assert.equal(first.recoveryCodes.length, 10)
  const second = await addPasskey(app, first.session)
  assert.deepEqual(second.recoveryCodes, [])
  assertAnswered(await completeWith(app, { recovery_code: first.recoveryCodes[0] }), LOGGED_IN)
})

test('the database holds no code, with dashes or without, only salted Argon2id hashes of one cost (R143)', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes, id } = await addTotpUser(app)
  await completeWith(app, { recovery_code: recoveryCodes[0] })
  const { reads } = app.auth.deps.database
  for (const { name } of TABLES) {
    const text = JSON.stringify(await reads.selectFrom(name).selectAll().execute()).toLowerCase()
    for (const code of recoveryCodes)
      for (const form of [code, code.replaceAll('-', ''), Buffer.from(code.replaceAll('-', '')).toString('hex')])
        assert.ok(!text.includes(form.toLowerCase()), name)
  }
  for (const code of recoveryCodes) assert.ok(!JSON.stringify(app.logLines).includes(code))
  const rows = await reads.selectFrom('recovery_codes').selectAll().where('user_id', '=', id).execute()
  assert.equal(rows.length, 9)
  for (const { code_hash } of rows) assert.match(code_hash, /^[0-9a-f]{64}$/)
  const [set] = await reads.selectFrom('recovery_code_sets').selectAll().where('user_id', '=', id).execute()
  assert.match(set?.cost ?? '', /^m=\d+,t=\d+,p=1$/)
  assert.equal(Buffer.from(set?.salt ?? '', 'base64url').length, 16)
})

test('a try costs one hash, whether the user has codes, has used them all, or never had any (R143)', async () => {
  await using app = await startForManyClients()
  const { hashQueue, database } = app.auth.deps
  const hashed = () => Array.from(hashQueue.wait.counts).reduce((sum, count) => sum + count, 0)
  const all = await addTotpUser(app)
  const used = await addTotpUser(app, 'used@example.com')
  const none = await addTotpUser(app, 'none@example.com')
  await database.inTransaction(async (tx) => {
    await tx.deleteFrom('recovery_codes').where('user_id', 'in', [used.id, none.id]).execute()
    await tx.deleteFrom('recovery_code_sets').where('user_id', '=', none.id).execute()
  })
  for (const { id } of [all, used, none]) {
    const tickets = await manyTickets(app, id, 4)
    for (const [at, recovery_code] of [MADE_UP, '', 'not a code', used.recoveryCodes[1]].entries()) {
      const before = hashed()
      refused(await app.request('PUT', '/sessions', { json: { ticket: tickets[at], recovery_code } }))
      assert.equal(hashed() - before, 1, `${recovery_code}`)
    }
  }
})

test('a code works once, in any case and with or without dashes; its owner is told how many are left (R144, R147)', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes } = await addTotpUser(app)
  const forms: ((code: string) => string)[] = [
    (code) => code,
    (code) => code.toLowerCase(),
    (code) => code.replaceAll('-', ''),
    (code) => ` ${code.replaceAll('-', ' ')} `,
    (code) => code.replaceAll('0', 'o').replaceAll('1', 'l'),
  ]
  for (const [at, formOf] of forms.entries()) {
    const code = recoveryCodes[at] ?? ''
    assertAnswered(await completeWith(app, { recovery_code: formOf(code) }), LOGGED_IN)
    const mails = (await app.newMails()).filter(({ kind }) => kind === 'recovery_code_used')
    assert.equal(mails.length, 1)
    assert.match(mails[0]?.text ?? '', new RegExp(`\\b${9 - at}\\b`))
    refused(await completeWith(app, { recovery_code: code }))
    await app.newMails()
  }
  const session = sessionOf(await completeWith(app, { recovery_code: recoveryCodes[9] })) ?? ''
  const { json } = await app.request('GET', '/account/export', { session })
  assert.equal(json.recovery_codes_left, 4)
})

test('of twenty logins at once with one code, exactly one gets in (R144)', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes, id } = await addTotpUser(app)
  const tickets = await manyTickets(app, id, 20)
  const answers = await Promise.all(
    tickets.map((ticket) => app.request('PUT', '/sessions', { json: { ticket, recovery_code: recoveryCodes[0] } })),
  )
  const { 200: successes, ...others } = statusesOf(answers)
  assert.equal(successes, 1, JSON.stringify(others))
  assert.deepEqual(new Set(Object.keys(others)), new Set(['401', '429']))
  assert.equal((await kindsOf(app)).filter((kind) => kind === 'recovery_code_used').length, 1)
})

test('a code that two found good before either used it is used by one (R144)', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes, id } = await addTotpUser(app)
  const { deps } = app.auth
  const found = [await checkRecoveryCode(deps, id, recoveryCodes[0]), await checkRecoveryCode(deps, id, recoveryCodes[0])]
  const used: (boolean | undefined)[] = []
  for (const use of found) used.push(await deps.database.inTransaction(async (tx) => use?.(tx)))
  assert.deepEqual(used, [true, false])
})

test('new codes take a step-up, void every old one, and are told to the owner once (R145)', async () => {
  await using app = await startForManyClients()
  const { session, recoveryCodes, secret } = await addTotpUser(app)
  const answer = await app.request('POST', '/recovery_codes', { session })
  assert.equal(answer.status, 200)
  assert.deepEqual(await kindsOf(app), ['factor_added'])
  for (const recovery_code of recoveryCodes.slice(0, 4)) refused(await completeWith(app, { recovery_code }))
  assertAnswered(await completeWith(app, { recovery_code: answer.json.recovery_codes[0] }), LOGGED_IN)
  const rows = await app.auth.deps.database.reads.selectFrom('recovery_codes').selectAll().execute()
  assert.equal(rows.length, 9)
  app.clock.advance(601)
  assertRefused(await app.request('POST', '/recovery_codes', { session }), 403, 'step_up_required')
  assertRefused(await app.request('POST', '/recovery_codes'), 403, 'session_required')
  const aged = await app.auth.deps.database.reads.selectFrom('recovery_codes').selectAll().execute()
  assert.deepEqual(aged, rows)
  assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 200)
})

test('a code alone is no login, no password, no step-up and no reset (R146)', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes, session, secret } = await addTotpUser(app)
  const code = recoveryCodes[0] ?? ''
  const bare = code.replaceAll('-', '')
  const post = (json: object) => app.request('POST', '/sessions', { json })
  for (const json of [
    { email: EMAIL, recovery_code: code },
    { recovery_code: code },
    { email: EMAIL, password: code },
    { email: EMAIL, code },
    { token: bare },
  ])
    assertRefused(await post(json), 401, 'login_refused')
  assertRefused(await app.request('PUT', '/sessions', { json: { recovery_code: code } }), 400, 'field_required', { field: 'ticket' })
  assertRefused(await app.request('PUT', '/sessions', { json: { ticket: bare, recovery_code: code } }), 401, 'ticket_invalid')
  const step = await app.request('POST', '/reauthentication', { session, json: { recovery_code: code } })
  assertRefused(step, 400, 'field_unknown', { field: 'recovery_code' })
  for (const reset_token of [code, bare]) {
    const json = { email: EMAIL, reset_token, new_password: 'another long passphrase' }
    assert.equal((await app.request('PUT', '/reset_password', { json })).status, 403)
  }
  // With a reset it is asked for like any second factor, and nothing removes the app.
  await app.request('POST', '/reset_password', { json: { email: EMAIL } })
  const reset_token = tokenIn((await app.newMails()).find(({ kind }) => kind === 'reset_password'))
  await app.request('PUT', '/reset_password', { json: { email: EMAIL, reset_token, new_password: 'another long passphrase' } })
  const { json } = await app.logInAnswer(EMAIL, 'another long passphrase')
  assert.equal(json.error, 'second_factor_required')
  const answer = await app.request('PUT', '/sessions', { json: { ticket: json.ticket, recovery_code: code } })
  assertAnswered(answer, LOGGED_IN)
  const account = await app.request('GET', '/account', { session: sessionOf(answer) ?? '' })
  assert.deepEqual(account.json.factors, ['password', 'totp', 'recovery_code'])
  // It stands in for the second factor in full: another app can be added.
  assert.equal((await enrolTotp(app, sessionOf(answer) ?? '')).recoveryCodes.length, 10)
  refused(
    await app.request('PUT', '/sessions', {
      json: { ticket: (await app.logInAnswer(EMAIL, 'another long passphrase')).json.ticket, totp_code: totpCode(app, secret) },
    }),
  )
})

test('codes and recovery codes are counted together: four wrong ones and one of the other kind close both for fifteen minutes (R147)', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes, secret } = await addTotpUser(app)
  for (let at = 0; at < 4; at++) refused(await completeWith(app, { totp_code: '000000' }))
  refused(await completeWith(app, { recovery_code: MADE_UP }))
  for (const factor of [{ recovery_code: recoveryCodes[0] }, { totp_code: totpCode(app, secret) }]) {
    const answer = await completeWith(app, factor)
    assertRefused(answer, 429, 'too_many_attempts')
    assert.equal(answer.headers.get('retry-after'), '900')
  }
  app.clock.advance(900)
  assertAnswered(await completeWith(app, { recovery_code: recoveryCodes[0] }), LOGGED_IN)
})

test('where there is no room to hash, a try counts nothing and uses nothing up', async () => {
  await using app = await startForManyClients()
  const { recoveryCodes, id } = await addTotpUser(app)
  const [ticket] = await manyTickets(app, id, 1)
  const json = { ticket, recovery_code: recoveryCodes[0] }
  {
    using _busy = occupyHashQueue(app)
    for (let at = 0; at < 6; at++) assertRefused(await app.request('PUT', '/sessions', { json }), 503, 'busy')
  }
  assertAnswered(await app.request('PUT', '/sessions', { json }), LOGGED_IN)
})
