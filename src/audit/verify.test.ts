import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsOf, verified, writeSealed } from '../../test/audit-log.ts'
import { onlyOn } from '../../test/fresh-database.ts'
import { startTestApp, type TestApp } from '../../test/test-app.ts'
import { makeKeyring } from '../crypto/keyring.ts'
import type { Db } from '../db/database.ts'
import { auditKeyVersions, exportEvents } from './audit.ts'
import type { AuditEventRow } from './audit-store.ts'
import type { SignedHead } from './event-seal.ts'
import { verifyAudit } from './verify.ts'
import { verifyRange } from './verify-range.ts'

/** A log of twelve sealed events: the start, and eleven more. */
async function appWithLog(): Promise<TestApp> {
  const app = await startTestApp()
  await writeSealed(app.auth.deps, 11)
  assert.equal((await verified(app.auth.deps)).intact, true)
  return app
}

const change = (app: TestApp, work: (tx: Db) => Promise<unknown>) => app.auth.deps.database.inTransaction(work)
const rows = (app: TestApp) => app.auth.deps.database.reads.selectFrom('audit_events').selectAll().orderBy('seq').execute()

async function headOf(app: TestApp): Promise<SignedHead> {
  for await (const { head } of exportEvents(app.auth.deps, null)) if (head) return head
  throw new Error('an export has a head')
}

test('whichever column of a sealed event is altered, it is found, with its number and id', async () => {
  await using app = await appWithLog()
  const row = (await rows(app))[5]
  assert.ok(row)
  const columns = Object.keys(row) as (keyof AuditEventRow)[]
  assert.equal(columns.length, 19)
  for (const column of columns) {
    if (column === 'seq') continue
    const altered: string | number = typeof row[column] === 'number' ? 1 : `${row[column]}x`
    const id: string = column === 'id' ? String(altered) : row.id
    await change(app, (tx) =>
      tx
        .updateTable('audit_events')
        .set({ [column]: altered })
        .where('seq', '=', 6)
        .execute(),
    )
    const verdict = await verified(app.auth.deps)
    if (column === 'key_version') assert.deepEqual(verdict.missingKeyVersions, ['v1x'])
    else assert.deepEqual([verdict.findings[0]?.seq, verdict.findings[0]?.id], [6, id], column)
    assert.equal(verdict.intact, false, column)
    await change(app, (tx) => tx.updateTable('audit_events').set(row).where('seq', '=', 6).execute())
  }
  for (const column of ['address', 'user_agent', 'subject', 'detail', 'link'] as const) {
    await change(app, (tx) =>
      tx
        .updateTable('audit_events')
        .set({ [column]: null })
        .where('seq', '=', 6)
        .execute(),
    )
    assert.equal((await verified(app.auth.deps)).findings[0]?.seq, 6, `no ${column}`)
    await change(app, (tx) => tx.updateTable('audit_events').set(row).where('seq', '=', 6).execute())
  }
  assert.equal((await verified(app.auth.deps)).intact, true)
})

test('an event removed from the middle is missed', async () => {
  await using app = await appWithLog()
  await change(app, (tx) => tx.deleteFrom('audit_events').where('seq', 'in', [4, 5]).execute())
  assert.deepEqual(problemsOf(await verified(app.auth.deps)), [[4, '2 rows were removed, up to 5']])
})

test('removed and renumbered, it is missed too', async () => {
  await using app = await appWithLog()
  await change(app, async (tx) => {
    await tx.deleteFrom('audit_events').where('seq', '=', 4).execute()
    for (let seq = 5; seq <= 12; seq++)
      await tx
        .updateTable('audit_events')
        .set({ seq: seq - 1 })
        .where('seq', '=', seq)
        .execute()
    await tx.updateTable('audit_state').set({ seq: 11 }).where('key', '=', 'head').execute()
  })
  assert.deepEqual([(await verified(app.auth.deps)).findings[0]?.seq, (await verified(app.auth.deps)).intact], [4, false])
})

test('two events that changed places are found', async () => {
  await using app = await appWithLog()
  const [, , , fourth, fifth] = await rows(app)
  assert.ok(fourth && fifth)
  await change(app, async (tx) => {
    await tx.updateTable('audit_events').set({ seq: null }).where('id', '=', fourth.id).execute()
    await tx.updateTable('audit_events').set({ seq: 4, link: fourth.link }).where('id', '=', fifth.id).execute()
    await tx.updateTable('audit_events').set({ seq: 5, link: fifth.link }).where('id', '=', fourth.id).execute()
  })
  assert.deepEqual(
    problemsOf(await verified(app.auth.deps)).map(([seq]) => seq),
    [4, 5],
  )
})

test('an event with the MAC of another is found, in the chain, and never gets into it', async () => {
  await using app = await appWithLog()
  const [row] = await rows(app)
  assert.ok(row)
  await change(app, (tx) =>
    tx
      .insertInto('audit_events')
      .values({ ...row, id: '0-forged', seq: 13, link: row.link })
      .execute(),
  )
  const atTheEnd = problemsOf(await verified(app.auth.deps))
  assert.deepEqual(atTheEnd.slice(0, 2), [
    [13, 'the row was altered, or is none of ours'],
    [13, 'the chain goes on behind its end'],
  ])
  await change(app, (tx) => tx.updateTable('audit_events').set({ seq: null, link: null }).where('id', '=', '0-forged').execute())
  await app.auth.sealer.runDue()
  const verdict = await verified(app.auth.deps)
  assert.deepEqual([verdict.unsealed, problemsOf(verdict)], [1, [[null, 'a row that is not sealed was altered, or is none of ours']]])
  assert.equal(app.logLines.filter((line) => line.event === 'audit_event_forged').length, 1)
})

test('a tail cut off with care is found by a head from outside, and only by it', async () => {
  await using app = await appWithLog()
  const head = await headOf(app)
  assert.deepEqual([head.seq, (await verified(app.auth.deps, [head])).intact], [12, true])
  const tenth = (await rows(app))[9]
  await change(app, (tx) => tx.deleteFrom('audit_events').where('seq', '>', 10).execute())
  assert.deepEqual(problemsOf(await verified(app.auth.deps)), [[11, 'the last rows were removed, up to 12']])
  await change(app, (tx) =>
    tx
      .updateTable('audit_state')
      .set({ seq: 10, link: tenth?.link ?? '' })
      .where('key', '=', 'head')
      .execute(),
  )
  assert.equal((await verified(app.auth.deps)).intact, true)
  assert.deepEqual(problemsOf(await verified(app.auth.deps, [head])), [[11, 'the head from outside tells of rows that are gone, up to 12']])
  // Written on from there, the chain is another one.
  await writeSealed(app.auth.deps, 5)
  assert.deepEqual(problemsOf(await verified(app.auth.deps, [head])), [
    [12, 'the chain is not the one that the head from outside tells of'],
  ])
  assert.deepEqual(problemsOf(await verified(app.auth.deps, [{ ...head, seq: 11 }])), [
    [11, 'the signature of the head from outside is wrong'],
  ])
})

test('without the version of the secret that events were written with, that is what is said', async () => {
  await using app = await appWithLog()
  const { deps } = app.auth
  assert.deepEqual(await auditKeyVersions(deps.database.reads), ['v1'])
  const bytes = new Uint8Array(32).fill(7)
  const v2 = { ...deps, keys: makeKeyring([{ version: 'v2', bytes }]) }
  await writeSealed(v2, 1)
  const verdict = await verified(v2)
  assert.deepEqual([verdict.intact, verdict.missingKeyVersions], [false, ['v1']])
  assert.deepEqual(await auditKeyVersions(deps.database.reads), ['v1', 'v2'])
  const both = { ...deps, keys: { ...v2.keys, versions: ['v2', 'v1'], key: keyOfBoth(v2.keys, deps.keys) } }
  assert.equal((await verified(both)).intact, true)
})

function keyOfBoth(newer: TestApp['auth']['deps']['keys'], older: TestApp['auth']['deps']['keys']): typeof newer.key {
  return (label, version = 'v2') => (version === 'v2' ? newer : older).key(label, version)
}

test('parts of a chain are checked apart, and what is wrong where they meet is found', async () => {
  await using app = await appWithLog()
  const { database, keys } = app.auth.deps
  const part = (after: number, to: number) => verifyRange(database.reads, keys, { after, to, link: after === 0 ? '' : null, wanted: [to] })
  const both = async () =>
    [await part(0, 6), await part(6, 12)].map(({ rows, findings, last }) => [rows, findings.map(({ seq }) => seq), last])
  assert.deepEqual(await both(), [
    [6, [], 6],
    [6, [], 12],
  ])
  assert.equal((await part(6, 12)).links[0]?.seq, 12)
  const sixth = (await rows(app))[5]
  await change(app, (tx) => tx.updateTable('audit_events').set({ link: 'x' }).where('seq', '=', 6).execute())
  assert.deepEqual(await both(), [
    [6, [6], 6],
    [6, [7], 12],
  ])
  await change(app, (tx) =>
    tx
      .deleteFrom('audit_events')
      .where('seq', '=', sixth?.seq ?? 0)
      .execute(),
  )
  assert.deepEqual(await both(), [
    [5, [6], 5],
    [6, [], 12],
  ])
})

test('a long chain is checked by several threads', {
  skip: onlyOn('postgres', 'in memory there is one connection; bench/audit.ts does it on a file'),
}, async () => {
  await using app = await appWithLog()
  const parts = await verifyAudit(app.auth.deps, { heads: [], onRows: () => {}, partRows: 3 })
  assert.deepEqual([parts.intact, parts.sealed, parts.first, parts.last], [true, 12, 1, 12])
})
