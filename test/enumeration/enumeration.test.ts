import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureEnumeration } from './measure.ts'
import { median, rankTest } from './rank-test.ts'

test('nobody can tell a known from an unknown, unverified, disabled or password-less address, or one with a second factor, by any answer (R028, R031, R032, R033)', async (t) => {
  const { comparisons } = await measureEnumeration(Number(process.env.ENUMERATION_SAMPLES ?? 12))
  for (const { route, class: name, difference } of comparisons) assert.equal(difference, null, `${route}, ${name}`)
  // Times are told, not judged: beside other tests they mean little. `npm run enumeration` judges them.
  for (const one of comparisons.filter(({ passes }) => !passes))
    t.diagnostic(`${one.route}, ${one.class}: ${one.medianDifference.toFixed(3)} ms from unknown, p ${one.probability.toFixed(3)}`)
})

test('the rank test finds a difference that is there, and none that is not', () => {
  const line = Array.from({ length: 300 }, (_, at) => (at * 7919) % 300)
  assert.ok(rankTest(line, line.toReversed()) > 0.9)
  assert.ok(
    rankTest(
      line,
      line.map((value) => value + 40),
    ) < 0.001,
  )
  assert.equal(rankTest([1, 1, 1], [1, 1, 1]), 1)
  // By hand: U is 12.5 of 50, the variance with five ties of two is 174.34, so z is 37 / 13.204 and p 0.0051.
  const ten = Array.from({ length: 10 }, (_, at) => at + 1)
  const later = ten.map((value) => value + 5)
  assert.ok(Math.abs(rankTest(ten, later) - 0.0051) < 0.0001)
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, 0])
})
