import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from 'otpauth'
import { startForManyClients } from '../../test/every-token.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import { assertRefused } from '../../test/refusals.ts'
import { totpCode } from '../../test/second-factors.ts'
import { TEST_SECRET } from '../../test/test-app.ts'
import { addTotpUser, completeWith } from '../../test/totp-user.ts'
import { systemRandom } from '../crypto/random.ts'
import { sealText } from '../crypto/sealed-text.ts'
import { TABLES } from '../db/table-list.ts'
import { sweep } from '../service/sweeper.ts'

const ANN = 'ann@example.com'
const BOB = 'bob@example.com'
const SECOND = 'v2:Qm8rT1yVx3ZnB6cKd9LfGh2JpWs5AoEiUu4NvMqRtYbXgCzH'

test('the database holds the secret in no form that anybody reads, before the app is confirmed or after (R137)', async () => {
  await using app = await startForManyClients()
  const { secret, session } = await addTotpUser(app)
  const begun = (await app.request('POST', '/totp', { session })).json.secret
  const stored: string[] = []
  for (const { name } of TABLES)
    for (const row of await app.auth.deps.database.reads.selectFrom(name).selectAll().execute())
      for (const value of Object.values(row))
        stored.push(value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value))
  const everything = stored.join('\n')
  assert.ok(everything.includes(ANN))
  for (const text of [secret, begun]) {
    const bytes = Buffer.from(Secret.fromBase32(text).bytes)
    const forms = [text, bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')]
    for (const form of [...forms, bytes.toString('utf8'), Buffer.from(text).toString('hex'), Buffer.from(text).toString('base64url')])
      assert.ok(!everything.toLowerCase().includes(form.toLowerCase()), form)
  }
})

test('a secret that was put into another user’s row opens for nobody, and the log says so (R137)', async () => {
  await using app = await startForManyClients()
  const ann = await addTotpUser(app, ANN)
  const bob = await addTotpUser(app, BOB)
  app.clock.advance(30)
  const { database } = app.auth.deps
  const rows = await database.reads.selectFrom('totp_secrets').select(['user_id', 'secret']).execute()
  await database.inTransaction(async (tx) => {
    for (const { user_id, secret } of rows) await tx.updateTable('totp_secrets').set({ secret }).where('user_id', '!=', user_id).execute()
  })
  for (const { secret } of [ann, bob])
    for (const email of [ANN, BOB])
      assertRefused(await completeWith(app, { totp_code: totpCode(app, secret) }, email), 401, 'second_factor_refused')
  const lines = app.logLines.filter(({ event }) => event === 'totp_secret_unreadable')
  assert.deepEqual(
    lines.map(({ level, user }) => [level, user]),
    [ann.id, bob.id, ann.id, bob.id].map((id) => ['error', id]),
  )
  // Put back, it is as good as before.
  await database.inTransaction(async (tx) => {
    for (const { user_id, secret } of rows) await tx.updateTable('totp_secrets').set({ secret }).where('user_id', '=', user_id).execute()
  })
  assert.equal((await completeWith(app, { totp_code: totpCode(app, ann.secret) }, ANN)).status, 200)
})

test('a secret that lies in the row of a set-up is sealed for the app of that user alone (R137)', async () => {
  await using app = await startForManyClients()
  const { keys } = app.auth.deps
  const ann = await addTotpUser(app, ANN)
  const { database } = app.auth.deps
  const known = new Secret({ size: 20 }).base32
  const forgeries = [
    sealText(keys, systemRandom, { label: 'totp', rowId: 'somebody else' }, known),
    sealText(keys, systemRandom, { label: 'outbox', rowId: ann.id }, known),
    `v9:${sealText(keys, systemRandom, { label: 'totp', rowId: ann.id }, known).slice(3)}`,
    known,
    '',
  ]
  for (const secret of forgeries) {
    await database.inTransaction((tx) => tx.updateTable('totp_secrets').set({ secret }).execute())
    await database.inTransaction((tx) => tx.deleteFrom('throttles').execute())
    assertRefused(await completeWith(app, { totp_code: totpCode(app, known) }), 401, 'second_factor_refused')
  }
})

test('of ten thousand sealed secrets no two have the same nonce (R137)', async () => {
  await using app = await startForManyClients()
  const place = { label: 'totp', rowId: 'ann' } as const
  const nonces = Array.from({ length: 10_000 }, () => {
    const sealed = sealText(app.auth.deps.keys, systemRandom, place, 'JBSWY3DPEHPK3PXP')
    return Buffer.from(sealed.slice(sealed.indexOf(':') + 1), 'base64url')
      .subarray(0, 12)
      .toString('hex')
  })
  assert.equal(new Set(nonces).size, 10_000)
})

test('after a rotation the sweeper seals every secret anew, and the app goes on; the old version is then needed no more', async () => {
  await using database = await keptDatabase()
  const start = (secret: string) => startForManyClients({ BIENVENUE_SECRET: secret }, { databaseUrl: database.url })
  let secret = ''
  {
    await using app = await start(TEST_SECRET)
    secret = (await addTotpUser(app)).secret
    app.clock.advance(30)
  }
  const versionsOf = async (app: Awaited<ReturnType<typeof start>>) =>
    (await app.auth.deps.database.reads.selectFrom('totp_secrets').select(['key_version', 'secret']).execute()).map((row) => [
      row.key_version,
      row.secret.split(':')[0],
    ])
  {
    await using app = await start(`${SECOND},${TEST_SECRET}`)
    app.clock.advance(300)
    assert.deepEqual(await versionsOf(app), [['v1', 'v1']])
    assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 200)
    await sweep(app.auth.deps)
    assert.deepEqual(await versionsOf(app), [['v2', 'v2']])
    // The step that was used stays used.
    assertRefused(await completeWith(app, { totp_code: totpCode(app, secret) }), 401, 'second_factor_refused')
    app.clock.advance(30)
    assert.equal((await completeWith(app, { totp_code: totpCode(app, secret) })).status, 200)
  }
})

test('a secret that cannot be read keeps no other one from being sealed anew', async () => {
  await using database = await keptDatabase()
  const env = { BIENVENUE_SECRET: `${SECOND},${TEST_SECRET}` }
  await using app = await startForManyClients(env, { databaseUrl: database.url })
  const { id } = await addTotpUser(app)
  const { deps } = app.auth
  const at = app.clock.now()
  // More than a batch of the sweeper, in front of the one that can be read.
  await deps.database.inTransaction(async (tx) => {
    for (let user = 0; user < 150; user++) {
      const unreadable = `00000000-0000-4000-8000-${String(user).padStart(12, '0')}`
      const address = `u${user}@example.com`
      const ages = { created_at: at, updated_at: at }
      await tx
        .insertInto('users')
        .values({ id: unreadable, email: address, email_canonical: address, ...ages })
        .execute()
      await tx
        .insertInto('totp_secrets')
        .values({ user_id: unreadable, secret: 'v1:AAAA', key_version: 'v1', last_step: 0, created_at: at })
        .execute()
    }
    await tx.updateTable('totp_secrets').set({ key_version: 'v1' }).where('user_id', '=', id).execute()
  })
  await sweep(deps)
  const mine = await deps.database.reads.selectFrom('totp_secrets').select('key_version').where('user_id', '=', id).executeTakeFirst()
  assert.equal(mine?.key_version, 'v2')
})
