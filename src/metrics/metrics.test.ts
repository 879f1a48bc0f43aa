import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMetrics } from '../../test/read-metrics.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'
import { makeLatencyHistogram } from '../latency-histogram.ts'
import { NO_ORIGIN } from '../origin.ts'
import { issueSession } from '../sessions/session.ts'
import { listenForMetrics } from './metrics-listener.ts'

async function metricsOf(app: TestApp) {
  const answer = await app.request('GET', '/metrics')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  return readMetrics(answer.text)
}

async function listen(...[address, text, log]: Parameters<typeof listenForMetrics>) {
  const listener = await listenForMetrics(address, text, log)
  return { ...listener, [Symbol.asyncDispose]: () => listener.close() }
}

const bob = { email: 'bob@bob.com', password: 'mySuperPwd' }

test('classic serves metrics: requests by method, route and status, and how long they took', async () => {
  await using app = await startTestApp()
  await app.register(bob.email, bob.password)
  const session = await app.logIn(bob.email, bob.password)
  for (let count = 0; count < 3; count++) await app.request('GET', '/profile', { session })
  await app.request('GET', '/profile')
  await app.request('HEAD', '/profile', { session })
  const metrics = await metricsOf(app)
  const requests = (labels: string) => metrics.get(`bienvenue_http_requests_total{${labels}}`)
  assert.equal(requests('method="POST",route="/users",status="200"'), 1)
  assert.equal(requests('method="GET",route="/profile",status="200"'), 3)
  assert.equal(requests('method="GET",route="/profile",status="403"'), 1)
  assert.equal(requests('method="HEAD",route="/profile",status="200"'), 1)
  const name = 'bienvenue_http_request_duration_seconds'
  assert.equal(metrics.get(`${name}_count{method="GET",route="/profile"}`), 4)
  assert.equal(metrics.get(`${name}_bucket{method="GET",route="/profile",le="+Inf"}`), 4)
  const login = Number(metrics.get(`${name}_sum{method="POST",route="/sessions"}`))
  assert.ok(login > 0.001 && login < 30, `${login} are seconds`)
})

test('metrics count refusals by code, passwords hashed, reads and transactions, the version and the process', async () => {
  await using app = await startTestApp()
  await app.register(bob.email, bob.password)
  await app.request('POST', '/sessions', { form: { ...bob, password: 'wrong' } })
  await app.request('GET', '/profile')
  await app.request('GET', '/nothing')
  const metrics = await metricsOf(app)
  for (const code of ['login_refused', 'session_required', 'not_found'])
    assert.equal(metrics.get(`bienvenue_refusals_total{error="${code}"}`), 1, code)
  assert.equal(metrics.get('bienvenue_hash_queue_wait_seconds_count'), 2)
  assert.equal(metrics.get('bienvenue_hash_queue_running'), 0)
  assert.equal(metrics.get('bienvenue_hash_queue_waiting'), 0)
  for (const operation of ['read', 'transaction'])
    assert.ok(Number(metrics.get(`bienvenue_database_duration_seconds_count{operation="${operation}"}`)) > 0, operation)
  assert.equal(metrics.get('bienvenue_mails_waiting'), 0)
  assert.equal(metrics.get('bienvenue_mails_total{outcome="sent"}'), 0)
  assert.equal(metrics.get('bienvenue_workers'), 1)
  assert.ok([...metrics.keys()].some((name) => /^bienvenue_build_info\{version="\d+\.\d+\.\d+"\}$/.test(name)))
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
    assert.ok(Number.isFinite(metrics.get(name)), name)
  const pool = metrics.get('bienvenue_database_pool_connections{state="idle"}')
  if (app.config.database.engine === 'postgres') assert.ok(Number(pool) >= 1)
  else assert.equal(pool, undefined)
})

test('sessions are counted when they begin and, by reason, when they end; what was rolled back is not', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await app.register(bob.email, bob.password)
  const logIn = () => app.logIn(bob.email, bob.password)
  const json = { accept: 'application/json' }
  await app.request('DELETE', '/sessions', { session: await logIn(), headers: json })
  // A second logout of the same session ends nothing.
  const [revoked, kept] = [await logIn(), await logIn()]
  await app.request('DELETE', '/sessions/others', { session: kept })
  await app.request('DELETE', '/sessions', { session: revoked, headers: json })
  const other = await logIn()
  const change = { current_password: bob.password, new_password: 'another password' }
  assert.equal((await app.request('PUT', '/account/password', { session: other, form: change })).status, 200)
  const { reset_token } = (await app.request('POST', '/reset_password', { form: { email: bob.email } })).json
  const reset = { email: bob.email, reset_token, new_password: bob.password }
  assert.equal((await app.request('PUT', '/reset_password', { form: reset })).status, 200)
  await app.auth.createSession(bob.email)
  const { id: userId } = await app.auth.findUserBy({ email: bob.email })
  const undone = deps.database.inTransaction(async (tx) => {
    await issueSession(deps, tx, { ...NO_ORIGIN, userId, amr: ['pwd'] })
    throw new Error('undone')
  })
  await assert.rejects(undone, /undone/)
  const metrics = await metricsOf(app)
  assert.equal(metrics.get('bienvenue_sessions_created_total'), 5)
  const ended = [...metrics].filter(([name]) => name.startsWith('bienvenue_sessions_ended_total'))
  assert.deepEqual(Object.fromEntries(ended.map(([name, value]) => [/reason="(\w+)"/.exec(name)?.[1], value])), {
    logout: 1,
    revoked: 1,
    password_change: 1,
    password_reset: 1,
  })
})

test('no address, id, token, path or invented method is in the metrics (R292)', async () => {
  await using app = await startTestApp()
  await app.register(bob.email, bob.password)
  const session = await app.logIn(bob.email, bob.password)
  const { id } = (await app.request('GET', '/sessions/current', { session })).json.session
  for (const path of [`/sessions/${id}`, '/canary-path', `/canary/${session}`, '/profile?canary=1', '/reset/canary'])
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PROPFIND']) await app.request(method, path, { session })
  await app.request('POST', '/canary', { form: { canary: 'canary' }, headers: { 'user-agent': 'canary' } })
  const { text } = await app.request('GET', '/metrics')
  for (const canary of ['canary', 'bob', session, id, 'PROPFIND', '127.0.0.1']) assert.ok(!text.includes(canary), canary)
  const metrics = readMetrics(text)
  assert.equal(metrics.get('bienvenue_http_requests_total{method="DELETE",route="/sessions/:id",status="200"}'), 1)
  const requests = [...metrics.keys()].filter((name) => name.startsWith('bienvenue_http_requests_total'))
  const routes = new Set(requests.map((name) => /route="([^"]*)"/.exec(name)?.[1]))
  assert.ok(routes.has('none'))
  const { paths } = (await app.request('GET', '/openapi.json')).json
  for (const route of routes) assert.ok(route === 'none' || paths[String(route).replace(/:(\w+)/g, '{$1}')], `${route} is a route`)
})

test('hardened serves no metrics at its own port, nor does classic once they have an address (R269)', async () => {
  await using hardened = await startTestApp({ env: hardenedEnv() })
  await using elsewhere = await startTestApp({ env: { BIENVENUE_METRICS_ADDRESS: '127.0.0.1:9464' } })
  await using library = await startTestApp({ form: 'library' })
  for (const app of [hardened, elsewhere, library]) {
    const answer = await app.request('GET', '/metrics')
    assert.deepEqual([answer.status, answer.json.error], [404, 'not_found'])
    assert.equal((await app.request('GET', '/openapi.json')).json.paths['/metrics'], undefined)
  }
})

test('the metrics address answers GET /metrics, and 404 to anything else', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await app.request('GET', '/healthz')
  await using listener = await listen({ host: '127.0.0.1', port: 0 }, app.auth.metrics.text, app.auth.deps.log)
  const { url } = listener
  const answer = await fetch(url)
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  const metrics = readMetrics(await answer.text())
  assert.equal(metrics.get('bienvenue_http_requests_total{method="GET",route="/healthz",status="200"}'), 1)
  for (const path of ['/', '/healthz', '/profile', '/metrics/', '/metricsx'])
    assert.equal((await fetch(new URL(path, url))).status, 404, path)
  for (const method of ['POST', 'DELETE', 'OPTIONS']) assert.equal((await fetch(url, { method })).status, 404, method)
  await assert.rejects(listenForMetrics({ host: '127.0.0.1', port: Number(new URL(url).port) }, app.auth.metrics.text, app.auth.deps.log), {
    code: 'configuration_invalid',
    message: /^BIENVENUE_METRICS_ADDRESS cannot be listened on: .*EADDRINUSE/,
  })
})

test('metrics that cannot be had are 503 at the metrics address, and the reason is in the log', async () => {
  await using app = await startTestApp()
  const broken = () => Promise.reject(new Error('a worker hangs'))
  await using listener = await listen({ host: '::1', port: 0 }, broken, app.auth.deps.log)
  assert.match(listener.url, /^http:\/\/\[::1\]:\d+\/metrics$/)
  const answer = await fetch(listener.url)
  assert.equal(answer.status, 503)
  assert.ok(!(await answer.text()).includes('hangs'))
  assert.ok(app.logLines.some((line) => line.event === 'metrics_failed' && JSON.stringify(line).includes('a worker hangs')))
})

test('a latency falls into the first bucket whose end it does not exceed', () => {
  const histogram = makeLatencyHistogram()
  for (const milliseconds of [0, 0.25, 0.26, 10_000, 10_001, 1e9]) histogram.observe(milliseconds)
  assert.deepEqual(Array.from(histogram.counts), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
  assert.equal(histogram.sumMilliseconds, 0.51 + 10_000 + 10_001 + 1e9)
})
