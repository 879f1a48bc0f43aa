import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { restartDelay } from './restart-delay.ts'
import { stopWorker } from './stop-worker.ts'

test('a worker that dies once is replaced at once; one that dies soon again and again, ever more slowly up to five seconds', () => {
  const delays = Array.from({ length: 10 }, (_, quickDeaths) => restartDelay(quickDeaths))
  assert.deepEqual(delays, [0, 0, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
  assert.equal(restartDelay(100_000), 5_000)
})

/** A process that ends with 3 when it is told to stop. */
async function startWorker(context: TestContext) {
  const script = "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1e6); console.log('ready')"
  const worker = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  context.after(() => worker.kill('SIGKILL'))
  await once(worker.stdout, 'data')
  return worker
}

test('a worker that cannot stop is ended by force at the deadline, and that is a failure; any other ends by itself', {
  timeout: 30_000,
}, async (context) => {
  assert.equal(await stopWorker(await startWorker(context)), 3)
  const hanging = await startWorker(context)
  hanging.kill('SIGSTOP')
  assert.equal(await stopWorker(hanging, 50), 1)
  assert.equal(hanging.signalCode, 'SIGKILL')
})
