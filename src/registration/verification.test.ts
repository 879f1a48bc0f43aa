import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { tokenIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'
import { sessionOf } from '../../test/test-app.ts'

const EMAIL = 'ann@example.com'
const OTHER_PASSWORD = 'another long passphrase'

test('a registration is nothing but a wish until the mail is opened: no user, no login, no session (R031, R111)', async () => {
  await using app = await startHardenedApp()
  const answer = await app.request('POST', '/users', { form: { email: EMAIL, password: GOOD_PASSWORD } })
  assertAnswered(answer, { email: EMAIL, message: 'user created' })
  assert.equal(sessionOf(answer), null)
  await assert.rejects(app.auth.findUserBy({ email: EMAIL }), { code: 'user_not_found' })
  assertRefused(await app.logInAnswer(EMAIL, GOOD_PASSWORD), 401, 'login_refused')

  const [mail] = await app.newMails()
  assert.equal(mail?.to, EMAIL)
  const verified = await app.request('PUT', '/email_verification', { json: { token: tokenIn(mail), password: GOOD_PASSWORD } })
  assertAnswered(verified, { email: EMAIL, message: 'address verified' })
  assert.deepEqual(verified.headers.getSetCookie(), [])
  assert.equal((await app.auth.findUserBy({ email: EMAIL })).emailVerified, true)
  await app.logIn(EMAIL, GOOD_PASSWORD)
})

test('a taken address is answered with the same bytes, and its owner gets a word in place of a link (R031)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const again = await app.request('POST', '/users', { form: { email: 'Ann@EXAMPLE.com', password: OTHER_PASSWORD } })
  assertAnswered(again, { email: 'Ann@EXAMPLE.com', message: 'user created' })
  const [mail, ...more] = await app.newMails()
  assert.equal(mail?.to, EMAIL)
  assert.doesNotMatch(mail?.text ?? '', /token=/)
  assert.deepEqual(more, [])
  await app.logIn(EMAIL, GOOD_PASSWORD)
  assertRefused(await app.logInAnswer(EMAIL, OTHER_PASSWORD), 401, 'login_refused')
})

test('of two registrations for one address, the one whose mail is opened counts, with its own password (pre-hijacking; R119)', async () => {
  for (const first of ['attacker', 'owner'] as const) {
    await using app = await startHardenedApp()
    const passwords = { attacker: OTHER_PASSWORD, owner: GOOD_PASSWORD }
    const second = first === 'attacker' ? 'owner' : 'attacker'
    const tokens: Record<string, string> = {}
    for (const who of [first, second] as const) {
      await app.register(EMAIL, passwords[who])
      tokens[who] = tokenIn((await app.newMails())[0])
    }
    const { owner: own = '', attacker: other = '' } = tokens
    // The page asks for the password, so the owner notices a link that is not theirs, and nothing is lost.
    const wrong = await app.request('PUT', '/email_verification', { json: { token: other, password: passwords.owner } })
    assertRefused(wrong, 403, 'verification_token_invalid')
    const answer = await app.request('PUT', '/email_verification', { json: { token: own, password: passwords.owner } })
    assert.equal(answer.status, 200)
    await app.logIn(EMAIL, passwords.owner)
    assertRefused(await app.logInAnswer(EMAIL, passwords.attacker), 401, 'login_refused')
    const late = await app.request('PUT', '/email_verification', { json: { token: other, password: passwords.attacker } })
    assertRefused(late, 403, 'verification_token_invalid')
  }
})

test('a verification of an account that was there unverified ends every session and proof of before (pre-hijacking: unexpired session; R115, R117)', async () => {
  await using app = await startHardenedApp()
  const { deps, registerUser, getResetPasswordToken, updatePassword } = app.auth
  const { id } = await registerUser(EMAIL, GOOD_PASSWORD)
  // In hardened nobody gets in before; a session from another time, or from a posture before, is put there.
  const now = app.clock.now()
  await deps.database.inTransaction((tx) =>
    tx
      .insertInto('sessions')
      .values({
        token_hash: Buffer.alloc(32, 7),
        id: deps.random.uuid(),
        user_id: id,
        created_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at: now + 86_400_000,
        amr: 'pwd',
        user_agent: null,
        address: null,
      })
      .execute(),
  )
  const reset = await getResetPasswordToken(EMAIL)
  assertRefused(await app.logInAnswer(EMAIL, GOOD_PASSWORD), 401, 'login_refused')
  const [mail] = await app.newMails()
  assert.equal((await app.request('PUT', '/email_verification', { json: { token: tokenIn(mail), password: GOOD_PASSWORD } })).status, 200)
  assert.deepEqual(await deps.database.reads.selectFrom('sessions').select('id').execute(), [])
  await assert.rejects(updatePassword(reset, OTHER_PASSWORD), { code: 'reset_token_invalid' })
})

test('the right password of an unverified account mails a fresh link; a wrong one mails nothing, and both are answered alike', async () => {
  await using app = await startHardenedApp()
  await app.auth.registerUser(EMAIL, GOOD_PASSWORD)
  const right = await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  assert.equal((await app.newMails()).length, 1)
  const wrong = await app.logInAnswer(EMAIL, OTHER_PASSWORD)
  assert.equal((await app.newMails()).length, 0)
  assertRefused(right, 401, 'login_refused')
  assert.equal(right.text.replace(right.json.request_id, ''), wrong.text.replace(wrong.json.request_id, ''))
  assert.equal(await app.auth.validLogin(EMAIL, GOOD_PASSWORD), false)
  assert.equal(await app.auth.createSession(EMAIL), null)
})

test('a link is good for a day, for one use, and dead once a newer one is sent (R110)', async () => {
  await using app = await startHardenedApp()
  await app.register(EMAIL, GOOD_PASSWORD)
  const [first] = await app.newMails()
  await app.request('POST', '/email_verification', { json: { email: EMAIL } })
  const [second] = await app.newMails()
  const use = (token: string) => app.request('PUT', '/email_verification', { json: { token } })
  assertRefused(await use(tokenIn(first)), 403, 'verification_token_invalid')
  app.clock.advance(86_399)
  assert.equal((await use(tokenIn(second))).status, 200)
  assertRefused(await use(tokenIn(second)), 403, 'verification_token_invalid')

  await app.register('bob@example.com', GOOD_PASSWORD)
  const [late] = await app.newMails()
  app.clock.advance(86_400)
  assertRefused(await use(tokenIn(late)), 403, 'verification_token_invalid')
})

test('of parallel confirmations with one token one wins (R094, R110)', async () => {
  await using app = await startHardenedApp({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
  await app.register(EMAIL, GOOD_PASSWORD)
  const token = tokenIn((await app.newMails())[0])
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      app.request('PUT', '/email_verification', { json: { token }, headers: { 'x-forwarded-for': `10.0.0.${at}` } }),
    ),
  )
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.ok(answers.every(({ status }) => status === 200 || status === 403))
})

test('opening the link changes nothing, however often (R100); its page asks for the password', async () => {
  await using app = await startHardenedApp()
  await app.register(EMAIL, GOOD_PASSWORD)
  const token = tokenIn((await app.newMails())[0])
  for (let round = 0; round < 5; round++) {
    const page = await app.request('GET', `/verify?token=${token}`, { headers: { accept: 'text/html' } })
    assert.equal(page.status, 200)
    assert.match(page.text, /type="password"/)
    assert.equal((await app.request('HEAD', `/verify?token=${token}`)).status, 200)
  }
  assert.equal((await app.request('PUT', '/email_verification', { json: { token, password: GOOD_PASSWORD } })).status, 200)
})

test('mails of one kind to one address: three an hour, ten a day, whoever asks, and the answers stay the same (R050)', async () => {
  await using app = await startHardenedApp({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
  await app.auth.registerUser(EMAIL, GOOD_PASSWORD)
  const ask = (at: number) =>
    app.request('POST', '/email_verification', { json: { email: EMAIL }, headers: { 'x-forwarded-for': `10.0.0.${at % 250}` } })
  let sent = 0
  for (let hour = 0; hour < 6; hour++) {
    for (let at = 0; at < 5; at++) assertAnswered(await ask(hour * 5 + at), { email: EMAIL, message: 'verification sent' })
    const mails = (await app.newMails()).length
    assert.ok(mails <= 3)
    sent += mails
    app.clock.advance(3_600)
  }
  assert.equal(sent, 10)
})

test('expired registrations and tokens are swept (R294)', async () => {
  await using app = await startHardenedApp()
  const { sweep } = await import('../service/sweeper.ts')
  await app.register(EMAIL, GOOD_PASSWORD)
  await app.auth.registerUser('bob@example.com', GOOD_PASSWORD)
  await app.logInAnswer('bob@example.com', GOOD_PASSWORD)
  await app.newMails()
  app.clock.advance(86_401)
  await sweep(app.auth.deps)
  const { reads } = app.auth.deps.database
  assert.deepEqual(await reads.selectFrom('registrations').select('id').execute(), [])
  assert.deepEqual(await reads.selectFrom('verification_tokens').select('user_id').execute(), [])
})

test('whoever did not register says so on the page, and the registration is gone', async () => {
  await using app = await startHardenedApp()
  await app.register(EMAIL, GOOD_PASSWORD)
  const token = tokenIn((await app.newMails())[0])
  const page = await app.request('GET', `/verify?token=${token}`)
  const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const formToken = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const refused = await app.request('POST', '/forms/refuse-verification', { form: { form_token: formToken, token }, headers: { cookie } })
  assert.equal(refused.status, 200)
  assertRefused(await app.request('PUT', '/email_verification', { json: { token } }), 403, 'verification_token_invalid')
})

test('registrations of a stranger neither push the owner’s out nor last longer than a day (R119)', async () => {
  await using app = await startHardenedApp({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
  for (let round = 0; round < 3; round++) await app.register(EMAIL, OTHER_PASSWORD)
  assert.equal((await app.newMails()).length, 3)
  app.clock.advance(60)
  await app.register(EMAIL, GOOD_PASSWORD)
  assert.equal((await app.newMails()).length, 0)
  app.clock.advance(3_600)
  await app.request('POST', '/email_verification', { json: { email: EMAIL } })
  const own = tokenIn((await app.newMails())[0])
  assert.equal((await app.request('PUT', '/email_verification', { json: { token: own, password: GOOD_PASSWORD } })).status, 200)

  await app.register('bob@example.com', GOOD_PASSWORD)
  await app.newMails()
  app.clock.advance(80_000)
  await app.request('POST', '/email_verification', { json: { email: 'bob@example.com' } })
  const late = tokenIn((await app.newMails())[0])
  app.clock.advance(6_400)
  assertRefused(await app.request('PUT', '/email_verification', { json: { token: late } }), 403, 'verification_token_invalid')
})

test('wrong passwords on the page count on the password alone: the address of origin is not blocked by five of them', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified('bob@example.com')
  await app.register(EMAIL, GOOD_PASSWORD)
  const token = tokenIn((await app.newMails())[0])
  for (let attempt = 1; attempt <= 5; attempt++)
    assertRefused(
      await app.request('PUT', '/email_verification', { json: { token, password: 'wrong' } }),
      403,
      'verification_token_invalid',
    )
  assertRefused(await app.request('PUT', '/email_verification', { json: { token, password: 'wrong' } }), 429, 'too_many_attempts')
  await app.logIn('bob@example.com', GOOD_PASSWORD)
})

test('disabling a user voids the verification that waits, and an application that changes the address ends the sessions (R070, R111)', async () => {
  await using app = await startHardenedApp()
  const { id } = await app.auth.registerUser(EMAIL, GOOD_PASSWORD)
  await app.logInAnswer(EMAIL, GOOD_PASSWORD)
  const token = tokenIn((await app.newMails())[0])
  const { disableUser, enableUser } = await import('../users/user-admin.ts')
  const { OPERATOR } = await import('../audit/audit-event.ts')
  await disableUser(app.auth.deps, id, OPERATOR)
  await enableUser(app.auth.deps, id, OPERATOR)
  assertRefused(await app.request('PUT', '/email_verification', { json: { token } }), 403, 'verification_token_invalid')

  await app.registerVerified('bob@example.com')
  const session = await app.logIn('bob@example.com', GOOD_PASSWORD)
  await app.auth.updateUser((await app.auth.findUserBy({ email: 'bob@example.com' })).id, { email: 'ceo@example.com' })
  assertRefused(await app.request('GET', '/sessions/current', { session }), 403, 'session_required')
})
