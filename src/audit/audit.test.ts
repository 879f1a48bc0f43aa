import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FULL_EVENT, verified } from '../../test/audit-log.ts'
import { assertRefused, refused } from '../../test/refusals.ts'
import { sessionOf, startTestApp, type TestApp } from '../../test/test-app.ts'
import { AuthError } from '../errors.ts'
import { NO_ORIGIN } from '../origin.ts'
import { sweep } from '../service/sweeper.ts'
import { MAX_SESSIONS_PER_USER } from '../sessions/session.ts'
import { deleteUserIn, disableUser, enableUser } from '../users/user-admin.ts'
import { lastRefusalsOf, listEvents } from './audit.ts'
import { OPERATOR } from './audit-event.ts'
import { recordEvent, recordFailure, recordThrottled } from './record.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'canary-password-7141'

/** What an action wrote: name, outcome, who, reason, detail, oldest first. */
async function eventsOf(app: TestApp, action: () => Promise<unknown>): Promise<string[]> {
  const all = () => listEvents(app.auth.deps, { limit: 1_000 })
  const before = new Set((await all()).map(({ id }) => id))
  // Of what is recorded once a minute, each action has its own.
  app.clock.advance(61)
  await action()
  return (await all())
    .filter(({ id }) => !before.has(id))
    .reverse()
    .map(({ name, outcome, actor, reason, detail }) =>
      [name, outcome, actor.replace(/:.*/, ''), reason ?? '-', detail?.replace(/identifier=.*/, 'identifier') ?? '-'].join(' '),
    )
}

test('every action makes its one event, with who did it and why it was refused', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_SESSION_IDLE: '1d' } })
  const { auth } = app
  const login = (password: string, email = EMAIL) => app.request('POST', '/sessions', { form: { email, password } })
  const expect = async (action: () => Promise<unknown>, events: string[]) => assert.deepEqual(await eventsOf(app, action), events)

  await expect(() => app.register(EMAIL, PASSWORD), ['user_created success nobody - -'])
  const again = () => app.request('POST', '/users', { form: { email: EMAIL, password: 'x' } })
  await expect(again, ['user_created failure nobody address_taken -'])
  const { id } = await auth.findUserBy({ email: EMAIL })

  let session = ''
  const logIn = async () => {
    session = await app.logIn(EMAIL, PASSWORD)
  }
  await expect(logIn, ['authn_login_success success user - -'])
  await expect(() => login('wrong'), ['authn_login_fail failure nobody wrong_password -'])
  await expect(() => login('wrong', 'nobody@me.com'), ['authn_login_fail failure nobody unknown_address identifier'])
  await expect(() => login('wrong', 'my secret phrase'), ['authn_login_fail failure nobody unknown_address -'])
  const onTop = async () => {
    const form = { email: EMAIL, password: PASSWORD }
    session = sessionOf(await app.request('POST', '/sessions', { session, form })) ?? ''
  }
  await expect(onTop, ['session_ended success user replaced -', 'authn_login_success success user - -'])
  await expect(() => app.request('GET', '/profile', { session }), [])
  const patch = (json: object) => app.request('PATCH', '/account', { session, json })
  await expect(() => patch({ name: 'Bob', metadata: { a: 1 } }), ['user_updated success user - fields=name,metadata'])
  const change = async (current_password: string, new_password: string) => {
    const answer = await app.request('PUT', '/account/password', { session, form: { current_password, new_password } })
    session = sessionOf(answer) ?? session
  }
  await expect(() => change('wrong', 'x'), ['authn_password_change_fail failure user wrong_password -'])
  await app.logIn(EMAIL, PASSWORD)
  await expect(
    () => change(PASSWORD, PASSWORD),
    ['session_renewed success user - -', 'authn_password_change success user password_change sessions_ended=1'],
  )
  await app.logIn(EMAIL, PASSWORD)
  const others = () => app.request('DELETE', '/sessions/others', { session })
  await expect(others, ['session_ended success user others sessions=1'])
  await expect(others, [])
  await expect(() => app.request('DELETE', `/sessions/${PASSWORD}`, { session }), ['authz_fail failure user session_not_found -'])
  const current = (await app.request('GET', '/sessions', { session })).json.sessions[0].id
  await expect(() => app.request('DELETE', `/sessions/${current}`, { session }), ['session_ended success user revoked -'])
  await logIn()
  await expect(() => app.request('DELETE', '/sessions', { session }), ['session_ended success user logout -'])

  const askReset = (email: string) => app.request('POST', '/reset_password', { form: { email } })
  let token = ''
  const ask = async () => {
    token = (await askReset(EMAIL)).json.reset_token
  }
  await expect(ask, ['authn_token_created success nobody - reset'])
  await expect(() => askReset('nobody@me.com'), ['authn_token_created failure nobody unknown_address identifier'])
  const reset = (reset_token: string, email = EMAIL) =>
    app.request('PUT', '/reset_password', { form: { email, reset_token, new_password: PASSWORD } })
  await expect(() => reset('x'), ['authn_token_fail failure nobody malformed reset'])
  await expect(() => reset(token, 'amy@me.com'), ['authn_token_fail failure nobody other_address reset'])
  await expect(() => reset(token), ['authn_password_change success nobody password_reset sessions_ended=0'])
  await expect(() => reset(token), ['authn_token_fail failure nobody unknown reset'])
  await ask()
  app.clock.advance(3_600)
  await expect(() => reset(token), ['authn_token_fail failure nobody expired reset'])

  await expect(() => auth.validLogin(EMAIL, PASSWORD), ['authn_login_success success application - -'])
  await expect(() => auth.validLogin(EMAIL, 'no'), ['authn_login_fail failure application wrong_password -'])
  await expect(() => auth.createSession(EMAIL), ['session_created success application - -'])
  await expect(() => auth.destroySession(id), ['session_ended success application all sessions=1'])
  await expect(() => auth.registerUser('amy@me.com', 'pw'), ['user_created success application - -'])
  await expect(
    () => auth.updateUser(id, { email: 'bob2@bob.com', hashedPassword: 'x', name: null }),
    [
      'user_email_changed success application - -',
      'authn_password_change success application - -',
      'user_updated success application - fields=name',
    ],
  )
  await auth.createSession('amy@me.com')
  app.clock.advance(86_400)
  await expect(() => sweep(auth.deps), ['session_expired success service - sessions=1'])
  session = (await auth.createSession('amy@me.com')) ?? ''
  app.clock.advance(86_400)
  await expect(() => app.request('GET', '/profile', { session }), ['session_expired success service - -'])
  for (let login = 0; login < MAX_SESSIONS_PER_USER; login++) await auth.createSession('amy@me.com')
  await expect(
    () => auth.createSession('amy@me.com'),
    ['session_ended success service too_many -', 'session_created success application - -'],
  )
  await expect(() => disableUser(auth.deps, id, OPERATOR), ['user_disabled success operator - -'])
  await expect(() => enableUser(auth.deps, id, OPERATOR), ['user_enabled success operator - -'])
  await expect(
    () => auth.deps.database.inTransaction((tx) => deleteUserIn(auth.deps, tx, id, OPERATOR)),
    ['user_deleted success operator - -'],
  )

  await auth.sealer.runDue()
  const verdict = await verified(auth.deps)
  assert.deepEqual([verdict.intact, verdict.unsealed], [true, 0])
  // Nothing that must not be kept: no address, no password, no token (CHECKLIST R228).
  const kept = JSON.stringify(await auth.deps.database.reads.selectFrom('audit_events').selectAll().execute())
  for (const secret of ['@', PASSWORD, 'wrong"', token, session, 'my secret phrase']) assert.equal(kept.includes(secret), false, secret)
})

test('an event and the change that it tells of are there together or not at all', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await app.register(EMAIL, PASSWORD)
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  const before = await listEvents(deps, { limit: 10 })
  // The change fails after its event was written.
  const undone = deps.database.inTransaction(async (tx) => {
    await recordEvent(deps, tx, FULL_EVENT)
    throw new AuthError('busy')
  })
  await assert.rejects(undone, refused('busy'))
  assert.deepEqual(await listEvents(deps, { limit: 10 }), before)
  // The event cannot be written: the change is undone.
  const broken = {
    ...deps,
    random: {
      ...deps.random,
      bytes: () => {
        throw new Error('no event')
      },
    },
  }
  await assert.rejects(disableUser(broken, id, OPERATOR), /no event/)
  assert.equal((await app.auth.findUserBy({ id })).disabled, false)
  // A failure is told of in the log stream instead, and is what it was.
  await recordFailure(broken, { ...OPERATOR, name: 'authn_login_fail', outcome: 'failure', subject: id, reason: 'wrong_password' })
  assert.equal(app.logLines.filter((line) => line.event === 'audit_event_not_written').length, 1)
})

test('a flood of throttled attempts is one event for a bucket and minute', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  const throttled = (bucket: string) => recordThrottled(deps, { bucket, origin: NO_ORIGIN, subject: null, reason: 'account' })
  const count = async () => (await listEvents(deps, { name: 'excess_rate_limit_exceeded', limit: 100 })).length
  await Promise.all(Array.from({ length: 20 }, () => throttled('account bob@bob.com')))
  assert.equal(await count(), 1)
  await throttled('account amy@me.com')
  app.clock.advance(60)
  for (let attempt = 0; attempt < 5; attempt++) await throttled('account bob@bob.com')
  assert.equal(await count(), 3)
  await app.auth.sealer.runDue()
  assert.equal((await verified(deps)).intact, true)
  const kept = JSON.stringify(await deps.database.reads.selectFrom('audit_events').selectAll().execute())
  assert.equal(kept.includes('bob@'), false)
})

test('users see their own events, newest first and page by page, and nobody else sees them', async () => {
  await using app = await startTestApp()
  await app.register(EMAIL, PASSWORD)
  await app.register('amy@me.com', PASSWORD)
  const session = await app.logIn(EMAIL, PASSWORD)
  await app.request('POST', '/sessions', { form: { email: EMAIL, password: 'wrong' }, headers: { 'user-agent': 'Evil/1.0' } })
  const get = (query = '') => app.request('GET', `/account/events${query}`, { session })
  const { events } = (await get()).json
  assert.deepEqual(
    events.map((one: Record<string, unknown>) => [one.event, one.outcome, one.by, one.reason]),
    [
      ['authn_login_fail', 'failure', 'nobody', 'wrong_password'],
      ['authn_login_success', 'success', 'user', null],
      ['user_created', 'success', 'nobody', null],
    ],
  )
  assert.deepEqual([events[0].user_agent, events[0].address, events[1].factors], ['Evil/1.0', '127.0.0.1', ['pwd']])
  assert.deepEqual((await get('?limit=1')).json.events, [events[0]])
  assert.deepEqual((await get(`?limit=2&before=${events[0].id}`)).json.events, events.slice(1))
  for (const query of ['?limit=0', '?limit=101', '?limit=x', '?before=1'])
    assert.equal((await get(query)).json.error, 'field_invalid', query)
  assertRefused(await get('?user=1'), 400, 'field_unknown', { field: 'user' })
  assertRefused(await get('?limit=1&limit=2'), 400, 'field_repeated', { field: 'limit' })
  assertRefused(await app.request('GET', '/account/events'), 403, 'session_required')
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  assert.deepEqual(
    (await lastRefusalsOf(app.auth.deps, id, 10)).map(({ reason }) => reason),
    ['wrong_password'],
  )
})

test('whatever a user agent holds is kept as it is, and a half of a character is made whole', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  const origin = { address: null, userAgent: `a\r\nb\u001b[31m\0\ud83d${'x'.repeat(400)}`, requestId: null }
  await recordFailure(deps, { ...OPERATOR, origin, name: 'authn_login_fail', outcome: 'failure', subject: 'u' })
  const [event] = await listEvents(deps, { subject: 'u', limit: 1 })
  assert.equal(event?.userAgent, `a\r\nb\u001b[31m\ufffd\ufffd${'x'.repeat(256 - 11)}`)
  await app.auth.sealer.runDue()
  assert.equal((await verified(deps)).intact, true)
})
