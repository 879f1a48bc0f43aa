import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { sql } from 'kysely'
import { keptDatabase, onlyOn } from '../../test/fresh-database.ts'
import { assertAnswered, assertRefused, refused } from '../../test/refusals.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../test/temporary-directory.ts'
import { sessionOf, startTestApp, type TestApp, type TestRequest } from '../../test/test-app.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { disableUser, enableUser } from '../users/user-admin.ts'
import { makeLastSeenWriter } from './last-seen.ts'
import type { Session } from './session.ts'

const EMAIL = 'bob@bob.com'
const PASSWORD = 'mySuperPwd'
const DAY = 86_400
/** A hundredth of the idle lifetime of seven days, in seconds. */
const LAST_SEEN_INTERVAL = 6_048

async function appWithSession(databaseUrl?: string) {
  const app = await startTestApp(databaseUrl === undefined ? {} : { databaseUrl })
  await app.register(EMAIL, PASSWORD)
  return { app, session: await app.logIn(EMAIL, PASSWORD) }
}

async function isAlive(app: TestApp, session: string): Promise<boolean> {
  const { status } = await app.request('GET', '/profile', { session })
  await app.auth.settled()
  assert.ok(status === 200 || status === 403)
  return status === 200
}

async function listedIds(app: TestApp, session: string): Promise<string[]> {
  const { json } = await app.request('GET', '/sessions', { session })
  return json.sessions.map(({ id }: { id: string }) => id)
}

async function storedLastSeen(app: TestApp): Promise<number> {
  const { last_seen_at } = await app.auth.deps.database.reads.selectFrom('sessions').select('last_seen_at').executeTakeFirstOrThrow()
  return last_seen_at
}

test('a session ends when it was not used for seven days', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  app.clock.advance(7 * DAY - 1)
  assert.equal(await isAlive(app, session), true)
  app.clock.advance(7 * DAY)
  assert.equal(await isAlive(app, session), false)
})

test('an unused session is dead at the very second its idle lifetime ends', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  app.clock.advance(7 * DAY)
  assert.equal(await isAlive(app, session), false)
})

test('a session that was refused as expired stays refused when the clock is set back; one that was not asked for works again', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const unseen = await app.logIn(EMAIL, PASSWORD)
  app.clock.advance(7 * DAY)
  assert.equal(await isAlive(app, session), false)
  app.clock.advance(-7 * DAY)
  assert.equal(await isAlive(app, session), false)
  assert.equal(await isAlive(app, unseen), true)
})

test('using a session moves its idle end, and nothing moves its absolute end of thirty days', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  for (const days of [6, 12, 18, 24, 29]) {
    app.clock.advance((days === 29 ? 5 : 6) * DAY)
    assert.equal(await isAlive(app, session), true, `day ${days}`)
  }
  app.clock.advance(DAY - 1)
  assert.equal(await isAlive(app, session), true)
  app.clock.advance(1)
  assert.equal(await isAlive(app, session), false)
})

test('a change of password renews the token but does not move the absolute end', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  app.clock.advance(6 * DAY)
  const changed = await app.request('PUT', '/account/password', { session, json: { current_password: PASSWORD, new_password: 'next' } })
  const renewed = sessionOf(changed) ?? ''
  for (const days of [6, 6, 6, 5]) {
    app.clock.advance(days * DAY)
    assert.equal(await isAlive(app, renewed), true)
  }
  app.clock.advance(DAY)
  assert.equal(await isAlive(app, renewed), false)
})

test('the lifetimes are those that were configured', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_SESSION_IDLE: '10m', BIENVENUE_SESSION_ABSOLUTE: '15m' } })
  await app.register(EMAIL, PASSWORD)
  const session = await app.logIn(EMAIL, PASSWORD)
  app.clock.advance(9 * 60)
  assert.equal(await isAlive(app, session), true)
  app.clock.advance(5 * 60)
  assert.equal(await isAlive(app, session), true)
  app.clock.advance(60)
  assert.equal(await isAlive(app, session), false)
})

test('a session says when it will end: the idle end, or the absolute one if that is earlier', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const start = app.clock.now()
  const endsAfterDays = async () => {
    const { json } = await app.request('GET', '/sessions/current', { session })
    await app.auth.settled()
    return (Date.parse(json.session.expires_at) - start) / 1_000 / DAY
  }
  assert.equal(await endsAfterDays(), 7)
  for (let week = 1; week <= 4; week++) {
    app.clock.advance(6 * DAY)
    await isAlive(app, session)
  }
  assert.equal(await endsAfterDays(), 30)
})

/** Every byte of the database's files. */
async function bytesOf(directory: TemporaryDirectory): Promise<Buffer> {
  const names = (await readdir(directory.path)).filter((name) => name.startsWith('auth.db'))
  return Buffer.concat(await Promise.all(names.map((name) => readFile(directory.file(name)))))
}

const filesAreRead = onlyOn('sqlite', 'the rows on a server are read in test/journeys/running.test.ts')

test('the database holds the SHA-256 of session and reset tokens, never the tokens', { skip: filesAreRead }, async () => {
  await using directory = await temporaryDirectory()
  const { app, session } = await appWithSession(`file:${directory.file('auth.db')}`)
  await using _ = app
  const reset = await app.auth.getResetPasswordToken(EMAIL)
  const bytes = await bytesOf(directory)
  for (const token of [session, reset]) {
    assert.ok(bytes.includes(createHash('sha256').update(token).digest()))
    assert.ok(!bytes.includes(token))
    assert.ok(!bytes.includes(Buffer.from(token, 'base64url')))
  }
  assert.ok(bytes.includes(EMAIL))
  assert.ok(!bytes.includes(PASSWORD))
})

test('what the database holds of a session opens nothing when it is sent as the cookie', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const digest = createHash('sha256').update(session).digest()
  for (const stored of [digest.toString('base64url'), digest.toString('hex'), digest.toString('base64')]) {
    assert.equal(await isAlive(app, stored), false)
  }
  const [id = ''] = await listedIds(app, session)
  assert.equal(await isAlive(app, id), false)
})

test('session tokens are 256 random bits in base64url, no two alike', async () => {
  const { app } = await appWithSession()
  await using _ = app
  const tokens = new Set(await Promise.all(Array.from({ length: 40 }, () => app.auth.createSession(EMAIL))))
  assert.equal(tokens.size, 40)
  for (const token of tokens) assert.equal(Buffer.from(token ?? '', 'base64url').length, 32)
})

test('the 51st login ends the oldest session and no other', async () => {
  const { app, session: first } = await appWithSession()
  await using _ = app
  const later: string[] = []
  for (let login = 2; login <= 51; login++) {
    app.clock.advance(1)
    if (login === 51) assert.equal(await isAlive(app, first), true)
    later.push((await app.auth.createSession(EMAIL)) ?? '')
  }
  assert.equal(await isAlive(app, first), false)
  for (const session of [later[0], later[24], later[49]]) assert.equal(await isAlive(app, session ?? ''), true)
  assert.equal((await listedIds(app, later[49] ?? '')).length, 50)
})

test("one user's many logins end no session of another", async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  await app.auth.registerUser('amy@me.com', 'pwd')
  for (let login = 1; login <= 51; login++) await app.auth.createSession('amy@me.com')
  assert.equal(await isAlive(app, session), true)
})

test('users see where they are logged in: newest first, under ids that are no tokens', async () => {
  const { app, session: first } = await appWithSession()
  await using _ = app
  app.clock.advance(60)
  const form = { email: EMAIL, password: PASSWORD }
  const second = sessionOf(await app.request('POST', '/sessions', { form, headers: { 'user-agent': 'Lynx/2.9' } })) ?? ''
  await app.auth.registerUser('amy@me.com', 'pwd')
  await app.auth.createSession('amy@me.com')
  const answer = await app.request('GET', '/sessions', { session: second })
  const [newer, older] = answer.json.sessions
  assertAnswered(answer, {
    sessions: [
      {
        id: newer.id,
        created_at: '2026-01-01T00:01:00.000Z',
        last_seen_at: '2026-01-01T00:01:00.000Z',
        expires_at: '2026-01-08T00:01:00.000Z',
        user_agent: 'Lynx/2.9',
        address: '127.0.0.1',
        current: true,
      },
      { ...older, created_at: '2026-01-01T00:00:00.000Z', current: false },
    ],
  })
  for (const token of [first, second]) assert.ok(!answer.text.includes(token))
})

test('an expired session is not listed', async () => {
  const { app } = await appWithSession()
  await using _ = app
  app.clock.advance(7 * DAY)
  const session = await app.logIn(EMAIL, PASSWORD)
  assert.equal((await listedIds(app, session)).length, 1)
})

test('ending one session by its id ends that one at once', async () => {
  const { app, session: mine } = await appWithSession()
  await using _ = app
  app.clock.advance(1)
  const other = await app.logIn(EMAIL, PASSWORD)
  const third = await app.logIn(EMAIL, PASSWORD)
  const ids = await listedIds(app, other)
  const { json } = await app.request('GET', '/sessions/current', { session: other })
  assert.ok(ids.includes(json.session.id))
  const answer = await app.request('DELETE', `/sessions/${json.session.id}`, { session: mine })
  assertAnswered(answer, { message: 'session ended' })
  assert.deepEqual(answer.headers.getSetCookie(), [])
  assert.deepEqual([await isAlive(app, mine), await isAlive(app, other), await isAlive(app, third)], [true, false, true])
})

test('ending the current session by its id clears the cookie too', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const [id] = await listedIds(app, session)
  const answer = await app.request('DELETE', `/sessions/${id}`, { session })
  assertAnswered(answer, { message: 'session ended' })
  assert.match(answer.headers.getSetCookie()[0] ?? '', /^session_id=;.*Max-Age=0/)
  assert.equal(await isAlive(app, session), false)
})

test('ending the others leaves this one', async () => {
  const { app, session: mine } = await appWithSession()
  await using _ = app
  const others = [await app.logIn(EMAIL, PASSWORD), await app.logIn(EMAIL, PASSWORD)]
  await app.auth.registerUser('amy@me.com', 'pwd')
  const amys = await app.auth.createSession('amy@me.com')
  assertAnswered(await app.request('DELETE', '/sessions/others', { session: mine }), { message: 'other sessions ended', ended: 2 })
  for (const session of others) assert.equal(await isAlive(app, session), false)
  assert.equal(await isAlive(app, mine), true)
  assert.equal(await isAlive(app, amys ?? ''), true)
})

test("another user's session id is answered as a random one, and nothing ends", async () => {
  const { app, session: bobs } = await appWithSession()
  await using _ = app
  await app.register('amy@me.com', 'pwd')
  const amys = await app.logIn('amy@me.com', 'pwd')
  const [foreign] = await listedIds(app, amys)
  const answers = await Promise.all(
    [foreign, app.auth.generateUuid(), 'x'].map(async (id) => {
      const answer = await app.request('DELETE', `/sessions/${id}`, { session: bobs })
      assertRefused(answer, 404, 'session_not_found')
      return answer.text.replace(answer.json.request_id, '')
    }),
  )
  assert.equal(new Set(answers).size, 1)
  assert.equal(await isAlive(app, amys), true)
})

test('logging out ends this session only', async () => {
  const { app, session: mine } = await appWithSession()
  await using _ = app
  const other = await app.logIn(EMAIL, PASSWORD)
  await app.request('DELETE', '/sessions', { session: mine })
  assert.deepEqual([await isAlive(app, mine), await isAlive(app, other)], [false, true])
})

test('GET /sessions/current says who this is, in the body and in headers', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const answer = await app.request('GET', '/sessions/current', { session })
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  const [sessionId] = await listedIds(app, session)
  assertAnswered(answer, {
    user: { id, external_id: null, email: EMAIL, email_verified: false, name: null, metadata: null },
    session: {
      id: sessionId,
      created_at: '2026-01-01T00:00:00.000Z',
      authenticated_at: '2026-01-01T00:00:00.000Z',
      amr: ['pwd'],
      expires_at: '2026-01-08T00:00:00.000Z',
    },
  })
  assert.equal(answer.headers.get('x-auth-user-id'), id)
  assert.equal(answer.headers.get('x-auth-email'), EMAIL)
  assert.equal(answer.headers.get('x-auth-session-id'), sessionId)
})

test('two cookies of the name are no session, whichever is good', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  for (const cookie of [
    `session_id=${session}; session_id=${session}`,
    `session_id=${session}; session_id=x`,
    `session_id=x; a=b; session_id=${session}`,
  ]) {
    assertRefused(await app.request('GET', '/profile', { headers: { cookie } }), 403, 'session_required')
  }
  const among = `theme=dark; session_id=${session}; xsession_id=y; session_id2=z`
  assertAnswered(await app.request('GET', '/profile', { headers: { cookie: among } }), { email: EMAIL })
})

test('a session is taken from its cookie only, never from the query, a header or a body', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const elsewhere: TestRequest[] = [
    { headers: { authorization: `Bearer ${session}` } },
    { headers: { 'x-session-id': session, session_id: session } },
    { headers: { cookie: `Session_Id=${session}` } },
    { headers: { cookie: `__Host-session_id=${session}` } },
    { headers: { cookie: `session=${session}` } },
  ]
  for (const request of elsewhere) assertRefused(await app.request('GET', '/profile', request), 403, 'session_required')
  assertRefused(await app.request('GET', `/profile?session_id=${session}`), 403, 'session_required')
  assertRefused(await app.request('DELETE', '/sessions', { form: { session_id: session } }), 403, 'session_required')
  assertRefused(await app.request('DELETE', '/sessions/others', { json: { session_id: session } }), 403, 'session_required')
  assert.equal(await isAlive(app, session), true)
})

test('a login on a browser that holds a session ends that session', async () => {
  const { app, session: bobs } = await appWithSession()
  await using _ = app
  await app.register('amy@me.com', 'pwd')
  const answer = await app.request('POST', '/sessions', { session: bobs, form: { email: 'amy@me.com', password: 'pwd' } })
  const amys = sessionOf(answer) ?? ''
  assert.equal(await isAlive(app, bobs), false)
  assertAnswered(await app.request('GET', '/profile', { session: amys }), { email: 'amy@me.com' })
})

test('a login that is refused leaves the session that the browser holds', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  assert.equal((await app.request('POST', '/sessions', { session, form: { email: EMAIL, password: 'wrong' } })).status, 401)
  assert.equal(await isAlive(app, session), true)
})

test('a session id that the client chose is never adopted', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  await app.request('DELETE', '/sessions', { session })
  for (const chosen of ['Z'.repeat(43), session]) {
    const answer = await app.request('POST', '/sessions', { session: chosen, form: { email: EMAIL, password: PASSWORD } })
    const issued = sessionOf(answer) ?? ''
    assert.notEqual(issued, chosen)
    assert.equal(await isAlive(app, chosen), false)
    assert.equal(await isAlive(app, issued), true)
  }
})

test('while a user is being disabled, no session begins and no reset token is made', async () => {
  await using database = await keptDatabase()
  await using app = await startTestApp({ databaseUrl: database.url })
  const { id } = await app.auth.addUser(EMAIL, 'no hash')
  const { promise: locked, resolve: lock } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const disabling = app.auth.deps.database.inTransaction(async (tx) => {
    await tx.updateTable('users').set({ disabled_at: 1 }).where('id', '=', id).execute()
    lock()
    await released
  })
  await locked
  const session = app.auth.createSession(EMAIL)
  const token = app.auth.getResetPasswordToken(EMAIL)
  const refusal = assert.rejects(token, refused('user_not_found'))
  // Both have found the user enabled and wait, or will find out.
  await app.auth.findUserBy({ id })
  release()
  await disabling
  await refusal
  assert.equal(await session, null)
  const { reads } = app.auth.deps.database
  assert.deepEqual(await reads.selectFrom('sessions').select('id').execute(), [])
  assert.deepEqual(await reads.selectFrom('reset_tokens').select('user_id').execute(), [])
})

test('disabling a user ends every session and reset token at once, and enabling brings none back', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const token = await app.auth.getResetPasswordToken(EMAIL)
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  await disableUser(app.auth.deps, id, OPERATOR)
  assert.equal(await isAlive(app, session), false)
  await enableUser(app.auth.deps, id, OPERATOR)
  assert.equal(await isAlive(app, session), false)
  await assert.rejects(app.auth.updatePassword(token, 'x'))
  assert.equal(await isAlive(app, await app.logIn(EMAIL, PASSWORD)), true)
})

test('when a session was last seen is written at most once a hundredth of the idle lifetime', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const start = app.clock.now()
  app.clock.advance(LAST_SEEN_INTERVAL - 1)
  await isAlive(app, session)
  assert.equal(await storedLastSeen(app), start)
  app.clock.advance(1)
  await isAlive(app, session)
  assert.equal(await storedLastSeen(app), start + LAST_SEEN_INTERVAL * 1_000)
  app.clock.advance(LAST_SEEN_INTERVAL - 1)
  await isAlive(app, session)
  assert.equal(await storedLastSeen(app), start + LAST_SEEN_INTERVAL * 1_000)
})

test('with a short idle lifetime it is written at most once a minute', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_SESSION_IDLE: '10m' } })
  await app.register(EMAIL, PASSWORD)
  const session = await app.logIn(EMAIL, PASSWORD)
  const start = app.clock.now()
  app.clock.advance(59)
  await isAlive(app, session)
  assert.equal(await storedLastSeen(app), start)
  app.clock.advance(1)
  await isAlive(app, session)
  assert.equal(await storedLastSeen(app), start + 60_000)
})

test('an answer does not wait until last seen is written', async () => {
  await using database = await keptDatabase()
  const { app, session } = await appWithSession(database.url)
  await using _ = app
  const start = app.clock.now()
  app.clock.advance(DAY)
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: locked, resolve: lock } = Promise.withResolvers<void>()
  // SQLite has one writer at a time; on PostgreSQL it is the row that is held.
  const holding = app.auth.deps.database.inTransaction(async (tx) => {
    await tx.updateTable('sessions').set({ user_agent: 'held' }).execute()
    lock()
    await released
  })
  await locked
  assertAnswered(await app.request('GET', '/profile', { session }), { email: EMAIL })
  assert.equal(await storedLastSeen(app), start)
  release()
  await holding
  await app.auth.settled()
  assert.equal(await storedLastSeen(app), start + DAY * 1_000)
})

test('many sightings are written a hundred to a transaction, so that nobody waits long for one of them', async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.addUser(EMAIL, 'no hash')
  const { database, clock } = app.auth.deps
  const row = { user_id: id, created_at: 1, authenticated_at: 1, last_seen_at: 1, expires_at: 9_999_999_999_999, amr: 'pwd' }
  const sessions = Array.from({ length: 250 }, (_, at) => ({
    ...row,
    id: `s${at}`,
    token_hash: createHash('sha256').update(String(at)).digest(),
  }))
  await database.inTransaction((tx) => tx.insertInto('sessions').values(sessions).execute())
  let transactions = 0
  const writer = makeLastSeenWriter({
    ...app.auth.deps,
    database: {
      ...database,
      inTransaction: (work) => {
        transactions++
        return database.inTransaction(work)
      },
    },
  })
  for (const session of sessions) writer.note({ id: session.id, lastSeenAt: new Date(1) } as Session)
  await writer.settled()
  assert.equal(transactions, 3)
  const written = await database.reads.selectFrom('sessions').select('id').where('last_seen_at', '=', clock.now()).execute()
  assert.equal(written.length, 250)
})

test('last seen that cannot be written changes no answer, and the next use writes it', async () => {
  const { app, session } = await appWithSession()
  await using _ = app
  const { database } = app.auth.deps
  // A trigger that refuses, as each engine writes it.
  const trigger =
    database.engine === 'sqlite'
      ? [sql`create trigger broken before update on sessions begin select raise(abort, 'broken'); end`]
      : [
          sql`create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$`,
          sql`create trigger broken before update on bienvenue.sessions for each row execute function broken()`,
        ]
  await database.inTransaction(async (tx) => {
    for (const statement of trigger) await statement.execute(tx)
  })
  app.clock.advance(DAY)
  assert.equal(await isAlive(app, session), true)
  assert.equal(app.logLines.filter(({ event }) => event === 'last_seen_not_written').length, 1)
  const remove = database.engine === 'sqlite' ? sql`drop trigger broken` : sql`drop trigger broken on bienvenue.sessions`
  await database.inTransaction((tx) => remove.execute(tx))
  assert.equal(await isAlive(app, session), true)
  assert.equal(await storedLastSeen(app), app.clock.now())
})
