import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsOf, verified, writeSealed } from '../../test/audit-log.ts'
import { startTestApp } from '../../test/test-app.ts'
import { sweep } from '../service/sweeper.ts'
import { auditKeyVersions, listEvents } from './audit.ts'
import { makeSealer } from './sealer.ts'

const DAY = 86_400

test('old events are removed with a cut that verifies, and the removal is an event', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_AUDIT_RETENTION: '30d' } })
  const { deps } = app.auth
  await writeSealed(deps, 5)
  app.clock.advance(20 * DAY)
  await writeSealed(deps, 4)
  await sweep(deps)
  assert.equal((await listEvents(deps, { limit: 50 })).length, 10)
  app.clock.advance(11 * DAY)
  await sweep(deps)
  await makeSealer(deps).stop()
  const verdict = await verified(deps)
  assert.deepEqual([verdict.intact, verdict.first, verdict.last, verdict.sealed], [true, 7, 11, 5])
  const [cut] = await listEvents(deps, { limit: 1 })
  assert.deepEqual([cut?.name, cut?.actor, cut?.detail], ['audit_cut', 'service', 'events=6 last=6'])
  // Everything: the cut is all that is left to begin from.
  app.clock.advance(31 * DAY)
  await sweep(deps)
  assert.equal((await verified(deps)).intact, true)
  assert.deepEqual(await auditKeyVersions(deps.database.reads), ['v1'])
})

test('a beginning cut off by somebody else is found, and so is a cut that nobody signed', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await writeSealed(deps, 5)
  const third = (await deps.database.reads.selectFrom('audit_events').selectAll().where('seq', '=', 3).executeTakeFirst()) ?? null
  await deps.database.inTransaction((tx) => tx.deleteFrom('audit_events').where('seq', '<=', 3).execute())
  assert.deepEqual(problemsOf(await verified(deps)), [[1, '3 rows were removed, up to 3']])
  const cut = { key: 'cut', seq: 3, link: third?.link ?? '', at: 1, owner: null, key_version: 'v1', signature: 'x' }
  await deps.database.inTransaction((tx) => tx.insertInto('audit_state').values(cut).execute())
  assert.deepEqual(problemsOf(await verified(deps)), [[3, 'the signature of the cut is wrong']])
})

test('after 90 days address and user agent are gone with the salt of their digest, and the chain is whole', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await writeSealed(deps, 3)
  app.clock.advance(89 * DAY)
  await writeSealed(deps, 2)
  app.clock.advance(2 * DAY)
  await sweep(deps)
  const rows = await deps.database.reads.selectFrom('audit_events').selectAll().where('subject', 'is not', null).orderBy('seq').execute()
  assert.deepEqual(
    rows.map((row) => [row.address, row.user_agent, row.salt !== null]),
    [...[1, 2, 3].map(() => [null, null, false]), ...[1, 2].map(() => ['192.0.2.1', 'Browser/1.0', true])],
  )
  assert.equal((await verified(deps)).intact, true)
})
