import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { verify } from '@node-rs/argon2'
import { keptDatabase } from '../../test/fresh-database.ts'
import { refused } from '../../test/refusals.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { startTestApp, TEST_SECRET, type TestApp } from '../../test/test-app.ts'
import { makeKeyring } from '../crypto/keyring.ts'
import { decoyHash, hashWithArgon2id, readStoredHash } from '../crypto/password-hash.ts'
import { exportUsers } from '../import/export.ts'
import { importUsers } from '../import/import.ts'
import { openUsersFile } from '../import/users-file.ts'
import { parseSecret } from '../setting-parsers.ts'

const V1 = 'v1:0bLk4Qw8zN2cXv6TgYh1RmJdPs5FaEiUo7KqVtWyGxBzHnCe'
const V2 = 'v2:Qm8rT1yVx3ZnB6cKd9LfGh2JpWs5AoEiUu4NvMqRtYbXgCzH'
const OTHER_V1 = 'v1:Zx9Kd2Lq7Ws4Vb1Nm6Hj3Gf8Tr5Ye0UiPoAsDcXzQwErTyU'
const COST = { memoryKib: 64, passes: 1, parallelism: 1 }
/** `v1` and `v2` in base64. */
const KEY_IDS = { v1: ',keyid=djE$', v2: ',keyid=djI$' }
const EMAIL = 'bob@bob.com'
const PASSWORD = 'mySuperPwd'

const ringOf = (text: string) => makeKeyring(parseSecret(text))

function startWith(databaseUrl: string, pepper?: string): Promise<TestApp> {
  return startTestApp({ databaseUrl, env: { BIENVENUE_SECRET: TEST_SECRET, ...(pepper && { BIENVENUE_PASSWORD_PEPPER: pepper }) } })
}

/** Start and stop: what a refused start cannot do. */
async function startOnce(databaseUrl: string, pepper?: string): Promise<void> {
  await using _ = await startWith(databaseUrl, pepper)
}

async function storedHash(app: TestApp): Promise<string> {
  const row = await app.auth.deps.database.reads.selectFrom('users').select('password_hash').executeTakeFirstOrThrow()
  return row.password_hash ?? ''
}

test('a hash with a pepper names its version, and opens with that pepper only', async () => {
  const hash = await hashWithArgon2id(PASSWORD, COST, ringOf(V1))
  assert.match(hash, /^\$argon2id\$v=19\$m=64,t=1,p=1,keyid=djE\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  for (const [pepper, opens] of [
    [V1, true],
    [`${V2},${V1}`, true],
    [OTHER_V1, false],
  ] as const)
    assert.equal(await readStoredHash(hash, ringOf(pepper))?.verify(PASSWORD, PASSWORD), opens)
  assert.equal(await readStoredHash(hash, ringOf(V1))?.verify('other', 'other'), false)
  assert.equal(readStoredHash(hash), null, 'without the pepper it is no hash')
  assert.equal(readStoredHash(hash, ringOf(V2)), null)
  assert.equal(await verify(hash.replace(KEY_IDS.v1, '$'), PASSWORD), false, 'the database alone does not open it')
  const secret = ringOf(V1).key('pepper')
  assert.equal(secret.length, 32)
  assert.equal(await verify(hash.replace(KEY_IDS.v1, '$'), PASSWORD, { secret }), true, "Argon2's own secret input")
})

test('a hash without a pepper goes on working beside one, and is outdated', async () => {
  const bare = readStoredHash(await hashWithArgon2id(PASSWORD, COST), ringOf(V1)) ?? assert.fail()
  assert.equal(await bare.verify(PASSWORD, PASSWORD), true)
  assert.deepEqual([bare.costsLike(COST), bare.isCurrent(COST)], [true, false])
})

test('a hash is hashed anew for a newer pepper, never for an older one', async () => {
  const isCurrent = async (made: string, now: string) =>
    readStoredHash(await hashWithArgon2id('x', COST, ringOf(made)), ringOf(now))?.isCurrent(COST)
  assert.equal(await isCurrent(V1, `${V2},${V1}`), false)
  assert.equal(await isCurrent(V2, `${V2},${V1}`), true)
  assert.equal(await isCurrent(V2, `${V1},${V2}`), true, 'v2 is only staged here, and in use elsewhere')
})

test('the decoy has the pepper too, so that an unknown address costs what a known one does', async () => {
  const peppers = ringOf(`${V2},${V1}`)
  const decoy = decoyHash(COST, peppers)
  assert.ok(decoy.includes(KEY_IDS.v2))
  assert.equal(await readStoredHash(decoy, peppers)?.verify(PASSWORD, PASSWORD), false)
  assert.equal(readStoredHash(decoy, peppers)?.isCurrent(COST), true)
})

test('users move to the pepper, and to the next one, by logging in; a version that is referred to cannot be left out', async () => {
  await using database = await keptDatabase()
  const { url } = database
  {
    await using app = await startWith(url)
    await app.register(EMAIL, PASSWORD)
    assert.doesNotMatch(await storedHash(app), /keyid/)
  }
  {
    await using app = await startWith(url, V1)
    assert.equal(await app.auth.validLogin(EMAIL, 'wrong'), false)
    assert.doesNotMatch(await storedHash(app), /keyid/)
    await app.logIn(EMAIL, PASSWORD)
    assert.ok((await storedHash(app)).includes(KEY_IDS.v1))
  }
  const [missing, left] = [
    /Version v1 of BIENVENUE_PASSWORD_PEPPER is not configured, and users\.password_hash still refers to it/,
    refused('database_refused'),
  ]
  for (const pepper of [undefined, V2]) {
    await assert.rejects(startOnce(url, pepper), missing)
    await assert.rejects(startOnce(url, pepper), left)
  }
  {
    await using app = await startWith(url, `${V2},${V1}`)
    await app.logIn(EMAIL, PASSWORD)
    assert.ok((await storedHash(app)).includes(KEY_IDS.v2))
    assert.equal(
      (await app.auth.findUserBy({ email: EMAIL })).passwordChangedAt?.toISOString(),
      '2026-01-01T00:00:00.000Z',
      'the password is the same',
    )
  }
  await using app = await startWith(url, V2)
  await app.logIn(EMAIL, PASSWORD)
})

test('a database copy that starts with another pepper is refused; told nothing of the pepper, it lets nobody in', async () => {
  await using database = await keptDatabase()
  const { url } = database
  {
    await using app = await startWith(url, V1)
    await app.register(EMAIL, PASSWORD)
  }
  await assert.rejects(startOnce(url, OTHER_V1), /Version v1 of BIENVENUE_PASSWORD_PEPPER is another secret/)
  {
    await using app = await startWith(url, V1)
    await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('service_state').where('key', '=', 'pepper:v1').execute())
  }
  for (const pepper of [OTHER_V1, V2, undefined]) {
    await using app = await startWith(url, pepper)
    assert.equal((await app.request('POST', '/sessions', { form: { email: EMAIL, password: PASSWORD } })).status, 401)
    await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('service_state').where('key', 'like', 'pepper:%').execute())
  }
})

test('a start does not look through the hashes while every pepper that was used is configured', async () => {
  await using database = await keptDatabase()
  const { url } = database
  {
    await using app = await startWith(url, V1)
    await app.register(EMAIL, PASSWORD)
    // Were it looked for, the next start would be refused.
    const hash = (await storedHash(app)).replace(KEY_IDS.v1, ',keyid=djk$')
    await app.auth.deps.database.inTransaction(async (tx) => {
      await tx.updateTable('users').set({ password_hash: hash }).execute()
      await tx.insertInto('service_state').values({ key: 'pepper:v9', value: 'retired unknown' }).execute()
    })
  }
  await using app = await startWith(url, V1)
  assert.equal((await app.request('GET', '/readyz')).status, 200)
})

test('an export carries a hash with a pepper as it is; an import takes it only where that version is configured', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_PASSWORD_PEPPER: V1 } })
  await app.register(EMAIL, PASSWORD)
  let line = ''
  for await (const { text } of exportUsers(app.auth.deps)) line += text
  assert.ok(line.includes(KEY_IDS.v1))
  await using folder = await temporaryDirectory()
  writeFileSync(folder.file('users.jsonl'), line)
  for (const [pepper, outcome] of [
    [V1, 'imported'],
    [`${V2},${V1}`, 'imported'],
    [V2, 'imported_without_password'],
    ['', 'imported_without_password'],
  ] as const) {
    await using other = await startTestApp({ env: { BIENVENUE_PASSWORD_PEPPER: pepper } })
    const reasons: (string | null)[] = []
    using source = openUsersFile(folder.file('users.jsonl'), other.clock)
    const summary = await importUsers(other.auth.deps, source, { dryRun: false, onRow: ({ reason }) => reasons.push(reason) })
    assert.equal(summary[outcome], 1)
    assert.equal(await other.auth.validLogin(EMAIL, PASSWORD), outcome === 'imported')
    if (outcome !== 'imported') assert.match(reasons.join(), /BIENVENUE_PASSWORD_PEPPER in the stored hash is not configured/)
  }
})
