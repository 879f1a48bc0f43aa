import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FULL_EVENT, verified, writeSealed } from '../../test/audit-log.ts'
import { keptDatabase } from '../../test/fresh-database.ts'
import { startTestApp } from '../../test/test-app.ts'
import { moveHead, readHead } from './audit-store.ts'
import { readHeads } from './event-seal.ts'
import { recordEvent } from './record.ts'
import { makeSealer } from './sealer.ts'

test('however many sealers work at once, there is one chain', async () => {
  await using made = await keptDatabase()
  await using one = await startTestApp({ databaseUrl: made.url })
  await using other = await startTestApp({ databaseUrl: made.url, clock: one.clock })
  const apps = [one, other]
  const sealers = apps.flatMap(({ auth }) => [auth.sealer, makeSealer(auth.deps), makeSealer(auth.deps)])
  for (let round = 0; round < 12; round++) {
    await Promise.all([
      ...apps.flatMap(({ auth: { deps } }) => [0, 1, 2].map(() => deps.database.inTransaction((tx) => recordEvent(deps, tx, FULL_EVENT)))),
      ...sealers.map((sealer) => sealer.runDue()),
    ])
    // Past every lease, so that each round all of them want it.
    one.clock.advance(6)
  }
  await Promise.all(sealers.map((sealer) => sealer.runDue()))
  one.clock.advance(6)
  await one.auth.sealer.runDue()
  const verdict = await verified(one.auth.deps)
  assert.deepEqual([verdict.intact, verdict.sealed, verdict.unsealed, verdict.last], [true, 74, 0, 74])
})

test('while one has the lease no other seals; when it dies, another goes on after five seconds', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await app.auth.sealer.runDue()
  const write = () => deps.database.inTransaction((tx) => recordEvent(deps, tx, FULL_EVENT))
  // Of the app's own, which is never heard of again.
  const heir = makeSealer(deps)
  await write()
  assert.equal(await heir.runDue(), 0)
  app.clock.advance(5)
  assert.equal(await heir.runDue(), 1)
  await write()
  assert.equal(await app.auth.sealer.runDue(), 0)
  await heir.stop()
  await write()
  assert.equal(await app.auth.sealer.runDue(), 1)
  assert.equal((await verified(deps)).intact, true)
})

test('a sealer that slept past its lease cannot write, and neither can one that has an old head', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await writeSealed(deps, 3)
  const from = await readHead(deps.database.reads)
  const to = { seq: from.seq + 1, link: 'forked' }
  const now = deps.clock.now()
  const move = (step: Parameters<typeof moveHead>[1]) => deps.database.inTransaction((tx) => moveHead(tx, step))
  assert.equal(await move({ from, to: from, lease: { owner: 'heir', now, until: now + 5_000 } }), true)
  assert.equal(await move({ from, to, lease: { owner: 'sleeper', now, until: now + 5_000 } }), false)
  assert.equal(await move({ from: { ...from, seq: from.seq - 1 }, to, lease: { owner: 'heir', now, until: now + 5_000 } }), false)
  assert.equal(await move({ from, to, lease: { owner: 'sleeper', now: now + 5_000, until: now + 9_000 } }), true)
})

test('a signed head goes to the log once a minute and at the end, and verifies what it tells of', async () => {
  const app = await startTestApp()
  const { deps, sealer } = app.auth
  const heads = () => readHeads(app.logLines.map((line) => JSON.stringify(line)).join('\n'))
  await sealer.runDue()
  assert.equal(heads().length, 0)
  app.clock.advance(60)
  await sealer.runDue()
  await sealer.runDue()
  assert.deepEqual(
    heads().map(({ seq }) => seq),
    [1],
  )
  await writeSealed(deps, 2)
  assert.deepEqual((await verified(deps, heads())).intact, true)
  await deps.database.inTransaction((tx) => recordEvent(deps, tx, FULL_EVENT))
  await app[Symbol.asyncDispose]()
  assert.equal(heads().at(-1)?.seq, 4)
})
