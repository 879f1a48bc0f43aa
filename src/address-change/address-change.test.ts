import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from '../../test/hardened-app.ts'
import { tokenIn } from '../../test/mail-links.ts'
import { assertAnswered, assertRefused } from '../../test/refusals.ts'

const OLD = 'ann@example.com'
const NEW = 'ann@new.example'
const CHANGED = { message: 'address changed' }
const HALF = { message: 'confirmed; now follow the link that was mailed to the other address' }

async function startChange(to = NEW): Promise<{ app: HardenedApp; session: string; tokens: Record<string, string> }> {
  const app = await startHardenedApp()
  await app.registerVerified(OLD)
  const session = await app.logIn(OLD, GOOD_PASSWORD)
  assertAnswered(await app.request('POST', '/account/email', { session, json: { email: to } }), { email: to, message: 'confirmation sent' })
  const tokens = Object.fromEntries((await app.newMails()).map((mail) => [mail.to, mail.text.includes('token=') ? tokenIn(mail) : '']))
  return { app, session, tokens }
}

const use = (app: HardenedApp, token: string | undefined) => app.request('PUT', '/account/email', { json: { token } })
const addressOf = async (app: HardenedApp, session: string) => (await app.request('GET', '/account', { session })).json.email

test('both addresses must confirm, in either order; until then everything stays as it is (R121, R122)', async () => {
  for (const order of [
    [OLD, NEW],
    [NEW, OLD],
  ] as const) {
    const { app, session, tokens } = await startChange()
    await using _ = app
    assertAnswered(await use(app, tokens[order[0]]), HALF)
    assert.equal(await addressOf(app, session), OLD)
    await app.logIn(OLD, GOOD_PASSWORD)
    assertRefused(await use(app, tokens[order[0]]), 403, 'address_token_invalid')
    assertAnswered(await use(app, tokens[order[1]]), CHANGED)
    assert.equal(await addressOf(app, session), NEW)
    await app.logIn(NEW, GOOD_PASSWORD)
    assertRefused(await app.logInAnswer(OLD, GOOD_PASSWORD), 401, 'login_refused')
  }
})

test('a change takes a factor that was proved within ten minutes, and leaves nothing behind without (R121, R167)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(OLD)
  const session = await app.logIn(OLD, GOOD_PASSWORD)
  app.clock.advance(601)
  assertRefused(await app.request('POST', '/account/email', { session, json: { email: NEW } }), 403, 'step_up_required')
  assert.deepEqual(await app.newMails(), [])
})

test('an address that somebody has is answered like a free one; its owner hears of it, the other learns nothing (R033)', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(OLD)
  await app.registerVerified('bob@example.com')
  const session = await app.logIn(OLD, GOOD_PASSWORD)
  const [taken, free] = [
    await app.request('POST', '/account/email', { session, json: { email: 'bob@example.com' } }),
    await app.request('POST', '/account/email', { session, json: { email: NEW } }),
  ]
  assert.deepEqual([taken.status, taken.json.message], [free.status, free.json.message])
  // The second wish took the first one's place before it was resolved; ask for the taken one again.
  await app.newMails()
  await app.request('POST', '/account/email', { session, json: { email: 'bob@example.com' } })
  const mails = await app.newMails()
  assert.deepEqual(mails.map(({ to }) => to).toSorted(), [OLD, 'bob@example.com'])
  const [toOwner, toAsker] = [mails.find(({ to }) => to !== OLD), mails.find(({ to }) => to === OLD)]
  assert.doesNotMatch(toOwner?.text ?? '', /token=/)
  // Whoever asks gets the mail that they would get for a free address, and its link says no more.
  assertAnswered(await use(app, tokenIn(toAsker)), HALF)
  assert.equal(await addressOf(app, session), OLD)
})

test('the address may be taken meanwhile: uniqueness is asked again at the confirmation (R123)', async () => {
  const { app, session, tokens } = await startChange()
  await using _ = app
  await app.registerVerified(NEW)
  assertAnswered(await use(app, tokens[OLD]), HALF)
  assertRefused(await use(app, tokens[NEW]), 403, 'address_token_invalid')
  assert.equal(await addressOf(app, session), OLD)
})

test('of two users who race for one address one wins (R123)', async () => {
  await using app = await startHardenedApp()
  const tokens: string[] = []
  for (const email of [OLD, 'bob@example.com']) {
    await app.registerVerified(email)
    const session = await app.logIn(email, GOOD_PASSWORD)
    await app.newMails()
    await app.request('POST', '/account/email', { session, json: { email: NEW } })
    const mails = await app.newMails()
    for (const mail of mails.filter(({ to }) => to === email)) assertAnswered(await use(app, tokenIn(mail)), HALF)
    tokens.push(...mails.filter(({ to }) => to === NEW).map(tokenIn))
  }
  assert.equal(tokens.length, 2)
  const answers = await Promise.all(tokens.map((token) => use(app, token)))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403])
})

test('a change that waits dies with a reset, a change of password, a newer wish and the day (pre-hijacking: unexpired change; R117)', async () => {
  const enders: Record<string, (app: HardenedApp, session: string) => Promise<unknown>> = {
    reset: async (app) => app.auth.updatePassword(await app.auth.getResetPasswordToken(OLD), 'another long passphrase'),
    password: (app, session) =>
      app.request('PUT', '/account/password', {
        session,
        json: { current_password: GOOD_PASSWORD, new_password: 'another long passphrase' },
      }),
    newer: (app, session) => app.request('POST', '/account/email', { session, json: { email: 'other@new.example' } }),
    time: async (app) => app.clock.advance(86_400),
  }
  for (const [name, end] of Object.entries(enders)) {
    const { app, session, tokens } = await startChange()
    await using _ = app
    await end(app, session)
    for (const token of Object.values(tokens)) assertRefused(await use(app, token), 403, 'address_token_invalid')
    assert.equal((await app.auth.findUserBy({ email: OLD })).email, OLD, name)
  }
})

test('the former address can take the account back for a week: whoever changed it is shut out (R122)', async () => {
  const { app, session, tokens } = await startChange()
  await using _ = app
  await use(app, tokens[OLD])
  await use(app, tokens[NEW])
  const mail = (await app.newMails()).find(({ to }) => to === OLD)
  const undo = tokenIn(mail)
  app.clock.advance(6 * 86_400)
  const late = await app.logIn(NEW, GOOD_PASSWORD)
  const answer = await use(app, undo)
  assertAnswered(answer, { message: 'address restored; choose a new password with the mail that is on its way' })
  for (const one of [session, late]) assertRefused(await app.request('GET', '/profile', { session: one }), 403, 'session_required')
  for (const email of [OLD, NEW]) assertRefused(await app.logInAnswer(email, GOOD_PASSWORD), 401, 'login_refused')
  const reset = tokenIn((await app.newMails()).find(({ to }) => to === OLD))
  const chosen = await app.request('PUT', '/reset_password', {
    json: { email: OLD, reset_token: reset, new_password: 'another long passphrase' },
  })
  assert.equal(chosen.status, 200)
  await app.logIn(OLD, 'another long passphrase')
  assertRefused(await use(app, undo), 403, 'address_token_invalid')
})

test('after eight days there is no way back any more', async () => {
  const { app, tokens } = await startChange()
  await using _ = app
  await use(app, tokens[OLD])
  await use(app, tokens[NEW])
  const undo = tokenIn((await app.newMails()).find(({ to }) => to === OLD))
  app.clock.advance(7 * 86_400)
  assertRefused(await use(app, undo), 403, 'address_token_invalid')
})

test('a reset by mail ends the ways back of former addresses, and so does an application that sets the address (pre-hijacking: trojan identifier; R116)', async () => {
  const enders: ((app: HardenedApp) => Promise<unknown>)[] = [
    async (app) => {
      await app.request('POST', '/reset_password', { json: { email: NEW } })
      const reset_token = tokenIn((await app.newMails())[0])
      const json = { email: NEW, reset_token, new_password: 'another long passphrase' }
      assert.equal((await app.request('PUT', '/reset_password', { json })).status, 200)
    },
    async (app) => app.auth.updateUser((await app.auth.findUserBy({ email: NEW })).id, { email: 'third@new.example' }),
  ]
  for (const end of enders) {
    const { app, tokens } = await startChange()
    await using _ = app
    await use(app, tokens[OLD])
    await use(app, tokens[NEW])
    const undo = tokenIn((await app.newMails()).find(({ to }) => to === OLD))
    await end(app)
    assertRefused(await use(app, undo), 403, 'address_token_invalid')
  }
})

test('the address that an account is taken back from is told', async () => {
  const { app, tokens } = await startChange()
  await using _ = app
  await use(app, tokens[OLD])
  await use(app, tokens[NEW])
  await use(app, tokenIn((await app.newMails()).find(({ to }) => to === OLD)))
  const [mail] = (await app.newMails()).filter(({ to }) => to === NEW)
  assert.match(mail?.subject ?? '', /no account/)
})
