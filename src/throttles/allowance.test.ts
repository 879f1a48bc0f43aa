import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptDatabase } from '../../test/fresh-database.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'
import { type Allowed, takeAllowance } from './allowance.ts'

const ADDRESS = '203.0.113.9'
const mail: Allowed = { what: 'mail_recipient', kind: 'reset', canonicalAddress: 'bob@bob.com' }
const hardened = () => startTestApp({ env: hardenedEnv() })

/** How many of so many are allowed. */
async function taken(app: TestApp, allowed: Allowed, times: number): Promise<number> {
  let count = 0
  for (let time = 0; time < times; time++) if (await takeAllowance(app.auth.deps, allowed)) count++
  return count
}

test('a recipient gets three mails of a kind an hour, and ten a day, counted from the first (R050)', async () => {
  await using app = await hardened()
  assert.equal(await taken(app, mail, 20), 3)
  assert.equal(await taken(app, { ...mail, kind: 'verification' }, 20), 3)
  assert.equal(await taken(app, { ...mail, canonicalAddress: 'amy@me.com' }, 20), 3)
  app.clock.advance(3_599)
  assert.equal(await taken(app, mail, 1), 0)
  const later: number[] = []
  for (let hour = 2; hour <= 6; hour++) {
    app.clock.advance(hour === 2 ? 1 : 3_600)
    later.push(await taken(app, mail, 20))
  }
  assert.deepEqual(later, [3, 3, 1, 0, 0])
  // What the day refused took nothing of the hour.
  app.clock.advance(86_400 - 5 * 3_600)
  assert.equal(await taken(app, mail, 20), 3)
})

test('an address of origin causes twenty mails an hour, and registers ten times (R050, R051)', async () => {
  await using app = await hardened()
  for (const [what, most] of [
    ['mail_origin', 20],
    ['registration', 10],
  ] as const) {
    assert.equal(await taken(app, { what, address: ADDRESS }, 30), most)
    assert.equal(await taken(app, { what, address: '203.0.113.10' }, 1), 1)
    app.clock.advance(3_600)
    assert.equal(await taken(app, { what, address: ADDRESS }, 1), 1)
  }
})

test('what is asked for at once is allowed as often as one after another', async () => {
  await using database = await keptDatabase()
  await using app = await startTestApp({ env: hardenedEnv(), databaseUrl: database.url })
  const asked = await Promise.all(
    Array.from({ length: 60 }, () => takeAllowance(app.auth.deps, { what: 'registration', address: ADDRESS })),
  )
  assert.equal(asked.filter(Boolean).length, 10)
})

test('within a transaction that is undone, nothing was taken', async () => {
  await using app = await hardened()
  const { deps } = app.auth
  const undone = deps.database.inTransaction(async (tx) => {
    assert.equal(await takeAllowance(deps, mail, tx), true)
    throw new Error('undone')
  })
  await assert.rejects(undone, /undone/)
  assert.equal(await taken(app, mail, 20), 3)
})

test('classic allows everything, and counts nothing', async () => {
  await using app = await startTestApp()
  assert.equal(await taken(app, mail, 50), 50)
  assert.equal(await taken(app, { what: 'registration', address: ADDRESS }, 50), 50)
  assert.deepEqual(await app.auth.deps.database.reads.selectFrom('throttles').select('bucket').execute(), [])
})
