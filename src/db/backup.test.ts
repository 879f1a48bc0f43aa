import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filledFile, freshTarget, locationOf, moveOptions } from '../../test/move-databases.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { systemClock } from '../clock.ts'
import { countRestored, endRestored } from './backup.ts'
import { openDatabase } from './database.ts'
import { move } from './move.ts'

test('however many sessions a copy brought back, all are ended and counted, and the users stay', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  await filledFile(directory.file('a.db'), 5_001)
  await move(moveOptions(`file:${directory.file('a.db')}`, target.url), systemClock, () => {})
  const database = await openDatabase(locationOf(target.url))
  await using _ = { [Symbol.asyncDispose]: () => database.close() }
  const all = [
    { table: 'sessions', rows: 5_001 },
    { table: 'reset_tokens', rows: 0 },
  ]
  assert.deepEqual(await countRestored(database), all)
  assert.deepEqual(await endRestored(database), all)
  assert.equal((await database.reads.selectFrom('users').select('id').execute()).length, 5_001)
  assert.deepEqual(
    (await countRestored(database)).map(({ rows }) => rows),
    [0, 0],
  )
})
