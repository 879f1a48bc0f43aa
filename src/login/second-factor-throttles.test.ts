import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startForManyClients } from '../../test/every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from '../../test/hardened-app.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { addPasskey, assertionFor, enrolTotp, ticketOf, totpCode } from '../../test/second-factors.ts'
import { deviceCookieOf } from '../../test/set-cookie.ts'
import { sessionOf } from '../../test/test-app.ts'
import { addTotpUser, completeWith, manySessions, manyTickets, statusesOf } from '../../test/totp-user.ts'

const EMAIL = 'ann@example.com'
const LOGGED_IN = { email: EMAIL, message: 'logged in' }
const WRONG = { totp_code: '000000' }

const complete = (app: HardenedApp, ticket: string | undefined, factor: object) =>
  app.request('PUT', '/sessions', { json: { ticket, ...factor } })
const kindsOf = async (app: HardenedApp) => (await app.newMails()).map(({ kind }) => kind)

test('three wrong codes with each of ten logins are five tries in all, then fifteen minutes pass (R046)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  let evaluated = 0
  for (let login = 0; login < 10; login++) {
    const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
    for (let wrong = 0; wrong < 3; wrong++) {
      const { status } = await complete(app, ticket, WRONG)
      if (status === 401) evaluated++
      else assert.equal(status, 429)
    }
  }
  assert.equal(evaluated, 5)
  const answer = await completeWith(app, { totp_code: totpCode(app, secret) })
  assertRefused(answer, 429, 'too_many_attempts')
  assert.equal(answer.headers.get('retry-after'), '900')
  // Trying meanwhile does not lengthen the wait (R039).
  app.clock.advance(899)
  assertRefused(await completeWith(app, { totp_code: totpCode(app, secret) }), 429, 'too_many_attempts')
  app.clock.advance(1)
  assertAnswered(await completeWith(app, { totp_code: totpCode(app, secret) }), LOGGED_IN)
})

test('a ticket that was used, or that nobody has, is refused before anything is counted (R046)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  assertAnswered(await complete(app, ticket, { totp_code: totpCode(app, secret) }), LOGGED_IN)
  for (let at = 0; at < 6; at++)
    for (const dead of [ticket, 'a'.repeat(43), 'x']) assertRefused(await complete(app, dead, WRONG), 401, 'ticket_invalid')
  app.clock.advance(30)
  assertAnswered(await completeWith(app, { totp_code: totpCode(app, secret) }), LOGGED_IN)
})

test('of two hundred wrong codes at once, no more than five are looked at (R047)', async () => {
  await using app = await startForManyClients()
  const { id, secret } = await addTotpUser(app)
  const tickets = await manyTickets(app, id, 160)
  const sessions = await manySessions(app, id, 40)
  const answers = await Promise.all([
    ...tickets.map((ticket) => complete(app, ticket, WRONG)),
    ...sessions.map((session) => app.request('POST', '/reauthentication', { session, json: WRONG })),
  ])
  const { 401: login = 0, 403: stepUp = 0, 429: blocked = 0 } = statusesOf(answers)
  assert.equal(login + stepUp, 5)
  assert.equal(blocked, 195)
  assertRefused(await completeWith(app, { totp_code: totpCode(app, secret) }), 429, 'too_many_attempts')
})

test('a right password and a passkey forgive no wrong code, and the code’s own success forgives them all (R049)', async () => {
  await using app = await startForManyClients()
  const { session, secret } = await addTotpUser(app)
  const { authenticator } = await addPasskey(app, session)
  const refuseFour = async () => {
    for (let at = 0; at < 4; at++) assertRefused(await completeWith(app, WRONG), 401, 'second_factor_refused')
  }
  await refuseFour()
  assertAnswered(await completeWith(app, { totp_code: totpCode(app, secret) }), LOGGED_IN)
  app.clock.advance(30)
  await refuseFour()
  const passkey = await assertionFor(app, authenticator)
  assertAnswered(await app.request('POST', '/sessions', { json: { passkey } }), LOGGED_IN)
  const ticket = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  assertAnswered(await complete(app, ticket, { passkey: await assertionFor(app, authenticator, ticket) }), LOGGED_IN)
  assertRefused(await completeWith(app, WRONG), 401, 'second_factor_refused')
  assertRefused(await completeWith(app, { totp_code: totpCode(app, secret) }), 429, 'too_many_attempts')
  // A passkey cannot be guessed, so it stays open (R041).
  const open = await ticketOf(app, EMAIL, GOOD_PASSWORD)
  assertAnswered(await complete(app, open, { passkey: await assertionFor(app, authenticator, open) }), LOGGED_IN)
})

test('wherever the tries were spent, they are spent everywhere (R045)', async () => {
  for (const spentAt of ['login', 'recovery', 'step-up', 'enrolment']) {
    await using app = await startForManyClients()
    const { id, session, secret, recoveryCodes } = await addTotpUser(app)
    const tickets = await manyTickets(app, id, 9)
    const begun = (await app.request('POST', '/totp', { session })).json.secret
    const places: Record<string, (right: boolean) => Promise<Awaited<ReturnType<typeof complete>>>> = {
      login: (right) => complete(app, tickets.pop(), right ? { totp_code: totpCode(app, secret) } : WRONG),
      recovery: (right) => complete(app, tickets.pop(), { recovery_code: right ? recoveryCodes[0] : '0000-0000-0000-0000' }),
      'step-up': (right) =>
        app.request('POST', '/reauthentication', { session, json: right ? { totp_code: totpCode(app, secret) } : WRONG }),
      enrolment: (right) => app.request('PUT', '/totp', { session, json: { code: right ? totpCode(app, begun) : '000000' } }),
    }
    for (let at = 0; at < 5; at++) assert.ok([401, 403].includes((await places[spentAt]?.(false))?.status ?? 0), spentAt)
    for (const [name, place] of Object.entries(places)) {
      const answer = await place(true)
      assert.deepEqual([answer.status, answer.json.error], [429, 'too_many_attempts'], `${spentAt}, then ${name}`)
    }
  }
})

test('after a hundred wrong codes the app lets no stranger in until it is added anew; a recovery code is the way (R040)', async () => {
  await using app = await startForManyClients()
  const { id, secret, recoveryCodes } = await addTotpUser(app)
  const fail = async () => complete(app, (await manyTickets(app, id, 1))[0], WRONG)
  for (let failure = 1; failure <= 100; failure++) {
    assert.equal((await fail()).status, 401, `${failure}`)
    if (failure >= 5) app.clock.advance(900)
  }
  const byApp = async (of = secret) => completeWith(app, { totp_code: totpCode(app, of) })
  assertRefused(await byApp(), 401, 'second_factor_refused')
  app.clock.advance(900)
  const answer = await completeWith(app, { recovery_code: recoveryCodes[0] })
  assertAnswered(answer, LOGGED_IN)
  // The recovery code stood in for the app, and did not bind it anew.
  assertRefused(await byApp(), 401, 'second_factor_refused')
  app.clock.advance(900)
  const again = await completeWith(app, { recovery_code: recoveryCodes[1] })
  const session = sessionOf(again) ?? ''
  const stepUp = await app.request('POST', '/reauthentication', { session, json: { totp_code: totpCode(app, secret) } })
  assertRefused(stepUp, 403, 'code_wrong')
  app.clock.advance(900)
  const fresh = sessionOf(await completeWith(app, { recovery_code: recoveryCodes[2] })) ?? ''
  const next = await enrolTotp(app, fresh)
  assertAnswered(await byApp(next.secret), LOGGED_IN)
})

test('strangers who guess do not lock a known browser out, and its own failures are counted apart (R041)', async () => {
  await using app = await startForManyClients()
  const { secret, id } = await addTotpUser(app)
  const first = await completeWith(app, { totp_code: totpCode(app, secret) })
  const device = `device_id=${deviceCookieOf(first)?.value}`
  for (const ticket of await manyTickets(app, id, 5)) await complete(app, ticket, WRONG)
  app.clock.advance(30)
  const right = () => ({ totp_code: totpCode(app, secret) })
  assertRefused(await completeWith(app, right()), 429, 'too_many_attempts')
  assertRefused(await completeWith(app, right(), EMAIL, `device_id=${'a'.repeat(43)}`), 429, 'too_many_attempts')
  assertAnswered(await completeWith(app, right(), EMAIL, device), LOGGED_IN)
  // Its success is none of the strangers'.
  app.clock.advance(30)
  assertRefused(await completeWith(app, right()), 429, 'too_many_attempts')
  for (let at = 0; at < 5; at++) assertRefused(await completeWith(app, WRONG, EMAIL, device), 401, 'second_factor_refused')
  assertRefused(await completeWith(app, right(), EMAIL, device), 429, 'too_many_attempts')
  // Another user's browser is a stranger here.
  const bob = await addTotpUser(app, 'bob@example.com')
  const bobs = await completeWith(app, { totp_code: totpCode(app, bob.secret) }, 'bob@example.com')
  assertRefused(await completeWith(app, right(), EMAIL, `device_id=${deviceCookieOf(bobs)?.value}`), 429, 'too_many_attempts')
})

test('a right password and then a wrong second factor is told to the owner: one mail for each series (R054)', async () => {
  await using app = await startForManyClients()
  const { secret } = await addTotpUser(app)
  for (const factor of [WRONG, { recovery_code: '0000-0000-0000-0000' }, WRONG]) await completeWith(app, factor)
  const mails = await app.newMails()
  assert.deepEqual(
    mails.map(({ kind, to }) => [kind, to]),
    [['second_factor_failed', EMAIL]],
  )
  assert.doesNotMatch(mails[0]?.text ?? '', /token=/)
  assertAnswered(await completeWith(app, { totp_code: totpCode(app, secret) }), LOGGED_IN)
  await app.newMails()
  await completeWith(app, WRONG)
  assert.deepEqual(await kindsOf(app), ['second_factor_failed'])
  // A password alone that is wrong is no such thing.
  assertRefused(await app.logInAnswer(EMAIL, 'wrong'), 401, 'login_refused')
  assert.deepEqual(await kindsOf(app), [])
})
