import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz } from './fuzz.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 10_000)

test('no request, valid or hostile, is ever answered with an error of ours, a word too much, or a change that was refused', async () => {
  const statuses = await fuzz({ runs: RUNS, seed: process.env.FUZZ_SEED ? Number(process.env.FUZZ_SEED) : undefined })
  // The questions are worth asking: every kind of answer is among theirs.
  if (RUNS >= 10_000)
    for (const status of [200, 302, 204, 400, 401, 403, 404, 405, 413, 415, 421]) assert.ok(statuses.has(status), `no ${status}`)
})
