import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMetrics } from '../../test/read-metrics.ts'
import { makeLog } from '../log.ts'
import { makeWorkerMetrics } from './worker-metrics.ts'

const ERRORS = 'bienvenue_refusals_total{error="internal_error"}'
const WAITED = 'bienvenue_hash_queue_wait_seconds'
const MEMORY = 'process_resident_memory_bytes'

/** What a worker gives that has answered so many requests, in one part each of the kinds that there are. */
function partOf(count: number) {
  const metric = (type: string, name: string, values: object[]) => ({ name, help: name, type, aggregator: 'sum', values })
  return [
    metric('counter', 'bienvenue_refusals_total', [{ labels: { error: 'internal_error' }, value: count }]),
    metric('counter', 'bienvenue_http_requests_total', [
      { labels: { method: 'GET', route: '/', status: 200 }, value: count },
      { labels: { method: 'GET', route: '/', status: 500 }, value: count },
    ]),
    metric('histogram', WAITED, [
      { metricName: `${WAITED}_bucket`, labels: { le: '+Inf' }, value: count },
      { metricName: `${WAITED}_sum`, labels: {}, value: count / 2 },
      { metricName: `${WAITED}_count`, labels: {}, value: count },
    ]),
    metric('gauge', MEMORY, [{ labels: {}, value: 1_000 }]),
    metric('gauge', 'bienvenue_workers', [{ labels: {}, value: 1 }]),
  ]
}

function openMetrics() {
  const lines: string[] = []
  const metrics = makeWorkerMetrics(makeLog('info', { write: (line) => lines.push(line) }))
  return { ...metrics, lines, read: async () => readMetrics(await metrics.text()) }
}

test('no count and no histogram falls when a worker dies, nor when its successors do', async () => {
  const metrics = openMetrics()
  metrics.add(1, async () => partOf(100))
  let own = 10
  metrics.add(2, async () => partOf(own))
  let last = (await metrics.read()).get(ERRORS)
  assert.equal(last, 110)
  metrics.ended(1, { died: true })
  for (const worker of [3, 4, 5]) {
    own++
    metrics.add(worker, async () => partOf(worker))
    const sum = await metrics.read()
    assert.equal(sum.get(ERRORS), Number(last) + 1 + worker)
    assert.equal(sum.get(`${WAITED}_count`), sum.get(ERRORS))
    assert.equal(sum.get(`${WAITED}_sum`), Number(sum.get(ERRORS)) / 2)
    last = sum.get(ERRORS)
    metrics.ended(worker, { died: true })
  }
  const sum = await metrics.read()
  assert.equal(sum.get(ERRORS), last)
  assert.equal(sum.get(MEMORY), 1_000, 'the dead need no memory')
  assert.equal(sum.get('bienvenue_workers'), 1)
  assert.equal(sum.get('bienvenue_worker_deaths_total'), 4)
})

test('when all workers are dead the counts stand, and a worker that stopped when told to has not died', async () => {
  const metrics = openMetrics()
  for (const worker of [1, 2]) metrics.add(worker, async () => partOf(worker))
  await metrics.read()
  for (const worker of [1, 2]) metrics.ended(worker, { died: worker === 1 })
  const sum = await metrics.read()
  assert.deepEqual([sum.get(ERRORS), sum.get('bienvenue_workers'), sum.get('bienvenue_worker_deaths_total')], [3, 0, 1])
})

test('a worker that does not answer stands with what it last said, and it is seen that it is silent', async () => {
  const metrics = openMetrics()
  metrics.add(1, async () => partOf(1))
  let answer = async () => partOf(100)
  metrics.add(2, () => answer())
  metrics.add(3, () => Promise.reject(new Error('it has never answered')))
  await metrics.read()
  answer = () => Promise.reject(new Error('no answer in time'))
  const sum = await metrics.read()
  assert.equal(sum.get(ERRORS), 101)
  assert.equal(sum.get(MEMORY), 2_000)
  assert.deepEqual([sum.get('bienvenue_workers'), sum.get('bienvenue_workers_answering')], [3, 1])
  const silent = metrics.lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    new Set(silent.map(({ event, worker, reason }) => `${event} ${worker}: ${reason}`)),
    new Set(['worker_silent 2: no answer in time', 'worker_silent 3: it has never answered']),
  )
  metrics.ended(2, { died: true })
  assert.equal((await metrics.read()).get(ERRORS), 101, 'it dies, and nothing falls')
})

test('a worker that dies while it is asked is counted once', async () => {
  const metrics = openMetrics()
  let answer = async () => partOf(5)
  metrics.add(1, () => answer())
  await metrics.read()
  const late = Promise.withResolvers<ReturnType<typeof partOf>>()
  answer = () => late.promise
  const reading = metrics.read()
  metrics.ended(1, { died: true })
  late.resolve(partOf(7))
  const sum = await reading
  assert.deepEqual([sum.get(ERRORS), sum.get('bienvenue_workers_answering')], [5, 0])
})

test('each living worker has a series for its answers and its memory, and no dead one has', async () => {
  const metrics = openMetrics()
  for (const worker of [1, 2]) metrics.add(worker, async () => partOf(worker))
  await metrics.read()
  metrics.ended(1, { died: true })
  metrics.add(3, async () => partOf(3))
  const sum = await metrics.read()
  assert.deepEqual(
    [...sum].filter(([name]) => name.includes('worker=')),
    [
      ['bienvenue_worker_requests_total{worker="2"}', 4],
      ['bienvenue_worker_requests_total{worker="3"}', 6],
      ['bienvenue_worker_resident_memory_bytes{worker="2"}', 1_000],
      ['bienvenue_worker_resident_memory_bytes{worker="3"}', 1_000],
    ],
  )
})
