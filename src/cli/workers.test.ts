import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restartDelay } from './restart-delay.ts'

test('a worker that dies once is replaced at once; one that dies soon again and again, ever more slowly up to five seconds', () => {
  const delays = Array.from({ length: 10 }, (_, quickDeaths) => restartDelay(quickDeaths))
  assert.deepEqual(delays, [0, 0, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
  assert.equal(restartDelay(100_000), 5_000)
})
