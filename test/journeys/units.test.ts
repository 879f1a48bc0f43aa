import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPERATOR } from '../../src/audit/audit-event.ts'
import { disableUser } from '../../src/users/user-admin.ts'
import { occupyHashQueue } from '../busy-hash-queue.ts'
import { refused } from '../refusals.ts'
import { startTestApp } from '../test-app.ts'
import { until } from '../until.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const USER_KEYS = [
  'createdAt',
  'disabled',
  'email',
  'emailVerified',
  'externalId',
  'hasPassword',
  'id',
  'metadata',
  'name',
  'passwordChangedAt',
]
const NO_VALUES = [null, undefined, '', 0, 42, true, {}, [], Symbol('x')] as never[]

test('addUser stores a user with a hash made before, and returns the user', async () => {
  await using app = await startTestApp()
  const user = await app.auth.addUser('me@me.com', await app.auth.hashPassword('pwd'))
  assert.match(user.id, UUID)
  assert.deepEqual(user, {
    id: user.id,
    externalId: null,
    email: 'me@me.com',
    emailVerified: false,
    name: null,
    metadata: null,
    hasPassword: true,
    disabled: false,
    createdAt: new Date(app.clock.now()),
    passwordChangedAt: new Date(app.clock.now()),
  })
  assert.equal(await app.auth.validLogin('me@me.com', 'pwd'), true)
})

test('addUser stores what it is given as a hash; one that is none lets nobody in', async () => {
  await using app = await startTestApp()
  await app.auth.addUser('test@test.com', 'SuperHashedPwd')
  assert.equal(await app.auth.validLogin('test@test.com', 'SuperHashedPwd'), false)
})

test('addUser refuses a taken address, and what is no address or no hash', async () => {
  await using app = await startTestApp()
  await app.auth.addUser('me@me.com', 'hash')
  await assert.rejects(app.auth.addUser('ME@me.com', 'hash'), refused('email_already_registered'))
  for (const email of [...NO_VALUES, 'me', 'a@b@c'] as never[]) {
    await assert.rejects(app.auth.addUser(email, 'hash'), refused('field_invalid', { field: 'email' }))
  }
  for (const hash of NO_VALUES) {
    await assert.rejects(app.auth.addUser('you@me.com', hash), refused('field_invalid', { field: 'hashedPassword' }))
  }
})

test('findUserBy finds the user who matches all given attributes', async () => {
  await using app = await startTestApp()
  const me = await app.auth.addUser('me@me.com', 'hash')
  const you = await app.auth.addUser('you@me.com', 'hash')
  assert.deepEqual(await app.auth.findUserBy({ email: 'me@me.com' }), me)
  assert.deepEqual(await app.auth.findUserBy({ email: 'ME@ME.com' }), me)
  assert.deepEqual(await app.auth.findUserBy({ id: you.id }), you)
  assert.deepEqual(await app.auth.findUserBy({ id: you.id, email: 'you@me.com' }), you)
  await assert.rejects(app.auth.findUserBy({ id: you.id, email: 'me@me.com' }), refused('user_not_found'))
})

test('findUserBy knows an id from another system', async () => {
  await using app = await startTestApp()
  const me = await app.auth.addUser('me@me.com', 'hash')
  await app.auth.addUser('you@me.com', 'hash')
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ external_id: '7' }).where('id', '=', me.id).execute())
  assert.equal((await app.auth.findUserBy({ externalId: '7' })).id, me.id)
  await assert.rejects(app.auth.findUserBy({ externalId: '8' }), refused('user_not_found'))
})

test('findUserBy refuses user_not_found where nobody matches, and a value that is none matches nobody', async () => {
  await using app = await startTestApp()
  await app.auth.addUser('me@me.com', 'hash')
  await assert.rejects(app.auth.findUserBy({ email: 'you@me.com' }), refused('user_not_found'))
  for (const attribute of ['id', 'email', 'externalId']) {
    for (const value of NO_VALUES) {
      await assert.rejects(app.auth.findUserBy({ [attribute]: value }), refused('user_not_found'))
      if (attribute !== 'email')
        await assert.rejects(app.auth.findUserBy({ email: 'me@me.com', [attribute]: value }), refused('user_not_found'))
    }
  }
})

test('findUserBy refuses an unknown attribute, and a call without any', async () => {
  await using app = await startTestApp()
  await app.auth.addUser('me@me.com', 'hash')
  await assert.rejects(app.auth.findUserBy({ no_email: 'me@me.com' } as never), refused('unknown_attribute', { field: 'no_email' }))
  await assert.rejects(app.auth.findUserBy({ email: 'me@me.com', nope: 1 } as never), refused('unknown_attribute', { field: 'nope' }))
  await assert.rejects(app.auth.findUserBy({ hashedPassword: 'hash' } as never), refused('unknown_attribute'))
  await assert.rejects(app.auth.findUserBy({}), refused('unknown_attribute'))
})

test('updateUser changes the given attributes and returns nothing', async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.addUser('me@me.com', 'hash')
  const changes = { email: 'New@me.com', hashedPassword: await app.auth.hashPassword('new'), name: 'Me', metadata: { plan: 'free' } }
  assert.equal(await app.auth.updateUser(id, changes), undefined)
  const { email, name, metadata } = await app.auth.findUserBy({ id })
  assert.deepEqual({ email, name, metadata }, { email: 'New@me.com', name: 'Me', metadata: { plan: 'free' } })
  assert.equal(await app.auth.validLogin('new@me.com', 'new'), true)
  await assert.rejects(app.auth.findUserBy({ email: 'me@me.com' }), refused('user_not_found'))
})

test('updateUser with an unknown attribute is refused and nothing changes', async () => {
  await using app = await startTestApp()
  const user = await app.auth.addUser('me@me.com', 'hash')
  for (const attribute of ['nope', 'id', 'sessionId', 'createdAt', 'hashed_password', '__proto__x']) {
    await assert.rejects(app.auth.updateUser(user.id, { name: 'Me', [attribute]: 'x' }), refused('unknown_attribute', { field: attribute }))
  }
  assert.deepEqual(await app.auth.findUserBy({ id: user.id }), user)
})

test('updateUser with a value that cannot be used is refused and nothing changes', async () => {
  await using app = await startTestApp()
  await app.auth.addUser('taken@me.com', 'hash')
  const user = await app.auth.addUser('me@me.com', 'hash')
  for (const [attribute, value] of [
    ['email', 'nope'],
    ['email', null],
    ['hashedPassword', ''],
    ['hashedPassword', null],
    ['name', 'x'.repeat(65)],
    ['name', 'a\r\nBcc: e@evil'],
    ['metadata', 'text'],
    ['metadata', [1]],
    ['metadata', { big: 'x'.repeat(4_096) }],
  ] as const) {
    const other = attribute === 'name' ? { metadata: {} } : { name: 'Me' }
    await assert.rejects(app.auth.updateUser(user.id, { ...other, [attribute]: value }), refused('field_invalid', { field: attribute }))
  }
  await assert.rejects(app.auth.updateUser(user.id, { name: 'Me', email: 'TAKEN@me.com' }), refused('email_already_registered'))
  assert.deepEqual(await app.auth.findUserBy({ id: user.id }), user)
})

test('updateUser of an unknown id is user_not_found', async () => {
  await using app = await startTestApp()
  for (const id of [app.auth.generateUuid(), ...NO_VALUES] as never[]) {
    await assert.rejects(app.auth.updateUser(id, { name: 'Me' }), refused('user_not_found'))
  }
})

test('a new password hash or address by updateUser ends what the old one opened', async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.registerUser('me@me.com', 'pwd')
  const session = await app.auth.createSession('me@me.com')
  const first = await app.auth.getResetPasswordToken('me@me.com')
  await app.auth.updateUser(id, { email: 'new@me.com' })
  await assert.rejects(app.auth.updatePassword(first, 'x'), refused('reset_token_invalid'))
  assert.equal((await app.auth.getUserFromSessionId(session))?.id, id)
  const second = await app.auth.getResetPasswordToken('new@me.com')
  await app.auth.updateUser(id, { hashedPassword: await app.auth.hashPassword('other') })
  await assert.rejects(app.auth.updatePassword(second, 'x'), refused('reset_token_invalid'))
  assert.equal(await app.auth.getUserFromSessionId(session), null)
})

test('hashPassword makes a salted Argon2id hash at the OWASP cost, different at each call', async () => {
  await using app = await startTestApp()
  const hashes = await Promise.all(['Hello Holberton', 'Hello Holberton'].map((password) => app.auth.hashPassword(password)))
  for (const hash of hashes) assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(hashes[0], hashes[1])
  for (const password of NO_VALUES) await assert.rejects(app.auth.hashPassword(password), refused('field_required'))
  await assert.rejects(app.auth.hashPassword('\ud800'), refused('field_invalid'))
  await assert.rejects(app.auth.hashPassword('x'.repeat(1_025)), refused('field_invalid'))
})

test('registerUser returns the user; a taken address is an error with the contract message', async () => {
  await using app = await startTestApp()
  const user = await app.auth.registerUser('me@me.com', 'mySecuredPwd')
  assert.equal(user.email, 'me@me.com')
  await assert.rejects(app.auth.registerUser('me@me.com', 'another'), { name: 'AuthError', message: 'User me@me.com already exists' })
  await assert.rejects(app.auth.registerUser('me@me.com', 'mySecuredPwd'), refused('email_already_registered'))
  assert.equal(await app.auth.validLogin('me@me.com', 'another'), false)
})

test('of parallel registerUser calls for one address exactly one succeeds, and the others have the contract message', async () => {
  await using app = await startTestApp()
  const results = await Promise.allSettled(Array.from({ length: 6 }, (_, at) => app.auth.registerUser('me@me.com', `pwd${at}`)))
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const result of results) if (result.status === 'rejected') assert.equal(result.reason.message, 'User me@me.com already exists')
})

test('registerUser applies no policy, but stores no empty password and no address that is none', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_REGISTRATION: 'closed', BIENVENUE_PASSWORD_MIN_LENGTH: '20' } })
  await app.auth.registerUser('me@me.com', 'x')
  assert.equal(await app.auth.validLogin('me@me.com', 'x'), true)
  for (const value of NO_VALUES) {
    await assert.rejects(app.auth.registerUser('you@me.com', value), refused('field_required', { field: 'password' }))
    await assert.rejects(app.auth.registerUser(value, 'pwd'), refused('field_invalid', { field: 'email' }))
  }
  await assert.rejects(app.auth.findUserBy({ email: 'you@me.com' }), refused('user_not_found'))
})

test('validLogin is true only for the right password of a known, enabled user, and never an error', async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.registerUser('bob@bob.com', 'MyPwdOfBob')
  assert.equal(await app.auth.validLogin('bob@bob.com', 'MyPwdOfBob'), true)
  assert.equal(await app.auth.validLogin('BOB@bob.com', 'MyPwdOfBob'), true)
  assert.equal(await app.auth.validLogin('bob@bob.com', 'mypwdofbob'), false)
  assert.equal(await app.auth.validLogin('unknown@email.com', 'MyPwdOfBob'), false)
  for (const value of [...NO_VALUES, '\ud800', 'x'.repeat(100_000)] as never[]) {
    assert.equal(await app.auth.validLogin('bob@bob.com', value), false)
    assert.equal(await app.auth.validLogin(value, 'MyPwdOfBob'), false)
    assert.equal(await app.auth.validLogin(value, value), false)
  }
  await disableUser(app.auth.deps, id, OPERATOR)
  assert.equal(await app.auth.validLogin('bob@bob.com', 'MyPwdOfBob'), false)
})

test('validLogin is false, not an error, while no hash can be computed or the table cannot be read', async () => {
  await using app = await startTestApp()
  await app.auth.registerUser('bob@bob.com', 'MyPwdOfBob')
  {
    using _ = occupyHashQueue(app)
    assert.equal(await app.auth.validLogin('bob@bob.com', 'MyPwdOfBob'), false)
  }
  await until(() => app.auth.deps.hashQueue.running === 0)
  assert.equal(await app.auth.validLogin('bob@bob.com', 'MyPwdOfBob'), true)
  await app.auth.deps.database.inTransaction((tx) => tx.schema.alterTable('users').renameTo('gone').execute())
  assert.equal(await app.auth.validLogin('bob@bob.com', 'MyPwdOfBob'), false)
})

test('text that no database could hold belongs to nobody, and is not stored', async () => {
  await using app = await startTestApp()
  const { auth } = app
  for (const text of ['\0', 'a\0b', '\ud800']) {
    for (const by of [{ id: text }, { externalId: text }, { email: text }])
      await assert.rejects(auth.findUserBy(by), refused('user_not_found'))
    await assert.rejects(auth.updateUser(text, { name: 'Ann' }), refused('user_not_found'))
    await assert.rejects(auth.addUser('ann@me.com', text), refused('field_invalid'))
    await auth.destroySession(text)
  }
})

test('generateUuid makes a new UUID', async () => {
  await using app = await startTestApp()
  const ids = new Set(Array.from({ length: 100 }, () => app.auth.generateUuid()))
  assert.equal(ids.size, 100)
  for (const id of ids) assert.match(id, UUID)
})

test('createSession answers the cookie value, and null for an unknown, disabled or impossible address', async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.registerUser('bob@bob.com', 'MyPwdOfBob')
  const session = await app.auth.createSession('bob@bob.com')
  assert.match(session ?? '', /^[A-Za-z0-9_-]{43}$/)
  assert.deepEqual((await app.request('GET', '/profile', { session: session ?? '' })).json, { email: 'bob@bob.com' })
  assert.deepEqual((await app.request('GET', '/sessions/current', { session: session ?? '' })).json.session.amr, ['application'])
  for (const email of ['unknown@email.com', 'bob', ...NO_VALUES] as never[]) assert.equal(await app.auth.createSession(email), null)
  await disableUser(app.auth.deps, id, OPERATOR)
  assert.equal(await app.auth.createSession('bob@bob.com'), null)
})

test('getUserFromSessionId answers the user of a live session, else null', async () => {
  await using app = await startTestApp()
  const user = await app.auth.registerUser('bob@bob.com', 'MyPwdOfBob')
  const session = await app.auth.createSession('bob@bob.com')
  assert.deepEqual(await app.auth.getUserFromSessionId(session), user)
  for (const value of [...NO_VALUES, app.auth.generateUuid(), 'A'.repeat(43), user.id] as never[]) {
    assert.equal(await app.auth.getUserFromSessionId(value), null)
  }
})

test("destroySession ends all of a user's sessions and nobody else's, and returns nothing", async () => {
  await using app = await startTestApp()
  const { id } = await app.auth.registerUser('bob@bob.com', 'pwd')
  await app.auth.registerUser('amy@me.com', 'pwd')
  const bobs = [await app.auth.createSession('bob@bob.com'), await app.logIn('bob@bob.com', 'pwd')]
  const amys = await app.auth.createSession('amy@me.com')
  assert.equal(await app.auth.destroySession(id), undefined)
  for (const session of bobs) assert.equal(await app.auth.getUserFromSessionId(session), null)
  for (const value of [...NO_VALUES, app.auth.generateUuid()] as never[]) assert.equal(await app.auth.destroySession(value), undefined)
  assert.equal((await app.auth.getUserFromSessionId(amys))?.email, 'amy@me.com')
})

test('getResetPasswordToken answers a token; an unknown or impossible address is user_not_found', async () => {
  await using app = await startTestApp()
  await app.auth.registerUser('bob@bob.com', 'pwd')
  assert.match(await app.auth.getResetPasswordToken('bob@bob.com'), /^[A-Za-z0-9_-]{43}$/)
  for (const email of ['unknown@email.com', 'bob', ...NO_VALUES] as never[]) {
    await assert.rejects(app.auth.getResetPasswordToken(email), refused('user_not_found'))
  }
})

test('updatePassword sets the password and consumes the token; an unknown or used one is reset_token_invalid', async () => {
  await using app = await startTestApp()
  await app.auth.registerUser('bob@bob.com', 'pwd')
  const token = await app.auth.getResetPasswordToken('bob@bob.com')
  for (const password of NO_VALUES) await assert.rejects(app.auth.updatePassword(token, password), refused('field_required'))
  assert.equal(await app.auth.updatePassword(token, 'new'), undefined)
  assert.equal(await app.auth.validLogin('bob@bob.com', 'new'), true)
  assert.equal(await app.auth.validLogin('bob@bob.com', 'pwd'), false)
  for (const value of [...NO_VALUES, token, 'A'.repeat(43), app.auth.generateUuid()] as never[]) {
    await assert.rejects(app.auth.updatePassword(value, 'mallory'), refused('reset_token_invalid'))
  }
  assert.equal(await app.auth.validLogin('bob@bob.com', 'new'), true)
})

test('no user that a unit returns holds the password hash', async () => {
  await using app = await startTestApp()
  const added = await app.auth.addUser('me@me.com', 'SuperHashedPwd')
  const registered = await app.auth.registerUser('bob@bob.com', 'pwd')
  const users = [
    added,
    registered,
    await app.auth.findUserBy({ email: 'me@me.com' }),
    await app.auth.findUserBy({ id: registered.id }),
    await app.auth.getUserFromSessionId(await app.auth.createSession('bob@bob.com')),
  ]
  for (const user of users) {
    assert.deepEqual(Object.keys(user ?? {}).sort(), USER_KEYS)
    assert.doesNotMatch(JSON.stringify(user), /SuperHashedPwd|argon2/)
  }
})
