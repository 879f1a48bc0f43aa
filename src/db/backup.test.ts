import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filledFile, freshTarget, locationOf, moveOptions } from '../../test/move-databases.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { systemClock } from '../clock.ts'
import { countRestored, type EndedRows, endRestored } from './backup.ts'
import { openDatabase } from './database.ts'
import { move } from './move.ts'
import { ENDED_BY_RESTORE } from './table-list.ts'

test('however many sessions a copy brought back, all are ended and counted, and the users stay', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  await filledFile(directory.file('a.db'), 5_001)
  await move(moveOptions(`file:${directory.file('a.db')}`, target.url), systemClock, () => {})
  const database = await openDatabase(locationOf(target.url))
  await using _ = { [Symbol.asyncDispose]: () => database.close() }
  const all = ENDED_BY_RESTORE.map(({ name }) => ({ table: name, rows: name === 'sessions' ? 5_001 : 0 }))
  assert.deepEqual(await countRestored(database), all)
  const told: EndedRows[] = []
  assert.deepEqual(await endRestored(database, async (_tx, ended) => void told.push(ended)), all)
  assert.deepEqual(
    told.map(({ rows }) => rows),
    [5_000, 1],
  )
  assert.equal((await database.reads.selectFrom('users').select('id').execute()).length, 5_001)
  assert.ok((await countRestored(database)).every(({ rows }) => rows === 0))
})
