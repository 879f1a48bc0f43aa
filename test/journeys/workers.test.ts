import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { readMetrics } from '../read-metrics.ts'
import { runCommand, startService, temporaryFolder } from '../service-process.ts'

const TWO = { BIENVENUE_WORKERS: '2' }
const user = { email: 'ann@example.com', password: 'pw' }
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString()

interface Answer {
  readonly status: number
  readonly body: string
  readonly cookie: string
}

/** One request on a connection of its own, which may lead to any worker. */
function send(url: string, method: string, path: string, sent: { body?: string; cookie?: string } = {}): Promise<Answer> {
  const headers = {
    accept: 'application/json',
    ...(sent.body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(sent.cookie !== undefined && { cookie: sent.cookie }),
  }
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const cookie = String(response.headers['set-cookie']?.[0]?.split(';')[0])
        resolve({ status: response.statusCode ?? 0, body, cookie })
      })
    })
    asked.on('error', reject)
    asked.setTimeout(10_000, () => asked.destroy(new Error(`${method} ${path} hangs`)))
    asked.end(sent.body)
  })
}

const times = <T>(count: number, work: (n: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, n) => work(n)))

function workersIn(stdout: string): Set<number> {
  const lines = stdout.split('\n').filter((line) => line.includes('"event":"request"'))
  return new Set(lines.map((line) => JSON.parse(line).worker))
}

test('a session begun on one worker is known to all, and ended on all at the next request', { timeout: 60_000 }, async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path, TWO)
  await send(service.url, 'POST', '/users', { body: form(user) })
  const { cookie } = await send(service.url, 'POST', '/sessions', { body: form(user) })
  for (const { status, body } of await times(20, () => send(service.url, 'GET', '/profile', { cookie })))
    assert.deepEqual([status, body], [200, '{"email":"ann@example.com"}'])
  assert.equal((await send(service.url, 'DELETE', '/sessions', { cookie })).status, 200)
  for (const { status } of await times(20, () => send(service.url, 'GET', '/profile', { cookie }))) assert.equal(status, 403)
  const { stdout } = await service.stop()
  assert.deepEqual(workersIn(stdout), new Set([1, 2]), 'both have answered, and each line says which')
})

test('metrics are those of all workers at one address: none that hangs keeps them from us, and none that dies takes its counts along', {
  timeout: 60_000,
}, async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path, { ...TWO, BIENVENUE_METRICS_ADDRESS: '127.0.0.1:0' })
  const readSum = async () => readMetrics((await send(String(service.started.metrics), 'GET', '')).body)
  const answers = 'bienvenue_http_requests_total{method="GET",route="/",status="200"}'
  await times(40, () => send(service.url, 'GET', '/'))
  const sum = await readSum()
  assert.equal(sum.get(answers), 40)
  assert.equal(sum.get('bienvenue_http_request_duration_seconds_count{method="GET",route="/"}'), 40)
  const total = (name: string) => [...sum].reduce((all, [key, value]) => all + (key.startsWith(`${name}{`) ? value : 0), 0)
  assert.ok(sum.has('bienvenue_worker_requests_total{worker="2"}'))
  assert.equal(total('bienvenue_worker_requests_total'), total('bienvenue_http_requests_total'))
  assert.ok(Number(sum.get('bienvenue_worker_resident_memory_bytes{worker="2"}')) > 1e6)
  assert.ok([...sum].some(([name, value]) => name.startsWith('bienvenue_build_info{') && value === 1))
  const workers = (of: typeof sum) => ['workers', 'workers_answering', 'worker_deaths_total'].map((name) => of.get(`bienvenue_${name}`))
  assert.deepEqual(workers(sum), [2, 2, 0])

  const [, pid] = await service.said(/"event":"worker_started","worker":1,"pid":(\d+)/)
  process.kill(Number(pid), 'SIGSTOP')
  const askedAt = performance.now()
  // Whatever comes of it: a stopped process would outlive its service, and this test.
  const hanging = await readSum().finally(() => process.kill(Number(pid), 'SIGKILL'))
  assert.ok(performance.now() - askedAt < 4_000, 'whoever asks does not hang too')
  assert.deepEqual([hanging.get(answers), ...workers(hanging)], [40, 2, 1, 0])
  await service.said(/"event":"worker_silent","worker":1/)
  await service.said(/"event":"worker_started","worker":3/)
  const replaced = await readSum()
  assert.deepEqual([replaced.get(answers), ...workers(replaced)], [40, 2, 2, 1])
})

test('a worker that is killed under load is replaced; the others answer meanwhile, and no acknowledged write is lost', {
  timeout: 60_000,
}, async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path, TWO)
  const acknowledged: string[] = []
  const writes = Array.from({ length: 24 }, async (_, n) => {
    const email = `u${n}@example.com`
    const answer = await send(service.url, 'POST', '/users', { body: form({ email, password: 'pw' }) }).catch(() => null)
    if (answer?.status === 200) acknowledged.push(email)
  })
  await Promise.race(writes)
  const [, pid] = await service.said(/"event":"worker_started","worker":1,"pid":(\d+)/)
  process.kill(Number(pid), 'SIGKILL')
  const meanwhile = await times(10, () => send(service.url, 'GET', '/healthz').catch(() => null))
  assert.ok(meanwhile.some((answer) => answer?.status === 200))
  await Promise.all(writes)
  assert.ok(acknowledged.length > 0)
  await service.said(/"event":"worker_started","worker":3/)
  const metrics = readMetrics((await send(service.url, 'GET', '/metrics')).body)
  assert.deepEqual([metrics.get('bienvenue_workers'), metrics.get('bienvenue_worker_deaths_total')], [2, 1])
  for (const email of acknowledged)
    assert.equal((await send(service.url, 'POST', '/sessions', { body: form({ email, password: 'pw' }) })).status, 200, email)
  while (!workersIn(service.output()).has(3)) await times(20, () => send(service.url, 'GET', '/healthz'))
  const { code, stdout } = await service.stop()
  assert.equal(code, 0)
  assert.match(stdout, /"event":"worker_died","worker":\d,"pid":\d+,"exit_code":null,"signal":"SIGKILL"/)
})

test('a stop lets every worker finish what is in flight, leaves one closed database file, and ends with 0', {
  timeout: 60_000,
}, async () => {
  using folder = temporaryFolder()
  await using service = await startService(folder.path, TWO)
  const inFlight = Array.from({ length: 8 }, (_, n) =>
    send(service.url, 'POST', '/users', { body: form({ ...user, email: `u${n}@a.com` }) }),
  )
  await Promise.race(inFlight)
  const ended = service.stop('SIGTERM')
  for (const { status } of await Promise.all(inFlight)) assert.equal(status, 200)
  assert.equal((await ended).code, 0)
  assert.deepEqual(readdirSync(folder.path).sort(), ['bienvenue.db', 'bienvenue.secret'])
})

test('what keeps workers from starting is said once, with the exit code of one process', { timeout: 60_000 }, async () => {
  using folder = temporaryFolder()
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const refused = await runCommand(folder.path, [], { env: { ...TWO, PORT: String(port) } })
  assert.deepEqual([refused.code, refused.stderr.match(/is taken/g)?.length], [2, 1], refused.stderr)
  taken.close()

  const first = { BIENVENUE_SECRET: 'the first secret of a test that has two of them' }
  await (await startService(folder.path, first)).stop()
  const other = await runCommand(folder.path, [], {
    env: { ...TWO, PORT: '0', BIENVENUE_SECRET: 'the second secret of a test with two of them' },
  })
  assert.deepEqual([other.code, other.stderr.match(/another BIENVENUE_SECRET/g)?.length], [1, 1], other.stderr)

  const address = { ...TWO, PORT: '0', BIENVENUE_METRICS_ADDRESS: '192.0.2.1:9464', BIENVENUE_SECRET: first.BIENVENUE_SECRET }
  const nowhere = await runCommand(folder.path, [], { env: address })
  assert.deepEqual([nowhere.code, nowhere.stderr.match(/BIENVENUE_METRICS_ADDRESS/g)?.length], [2, 1], nowhere.stderr)

  const memory = await runCommand(folder.path, [], { env: { ...TWO, DATABASE_URL: 'file::memory:' } })
  assert.equal(memory.code, 2)
  assert.match(memory.stderr, /BIENVENUE_WORKERS 2 needs a database that they share/)
})
