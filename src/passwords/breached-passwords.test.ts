import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { assertRefused } from '../../test/refusals.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'
import { type Log, makeLog } from '../log.ts'
import { isBreachedPassword } from './breached-passwords.ts'
import { hashNewPassword } from './password.ts'

const BREACHED = 'a phrase that was stolen once'
const PADDED = 'a phrase that only pads the answer'
const LISTED = 'passwordpassword'
const FINE = 'a phrase that nobody has stolen'
const EMAIL = 'bob@bob.com'

const digestOf = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase()

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A breach service on this machine, which keeps what it was asked. */
async function breachService(answer: Answer) {
  const asked: { readonly path: string; readonly padding: string | string[] | undefined }[] = []
  const server = createServer((request, response) => {
    asked.push({ path: request.url ?? '', padding: request.headers['add-padding'] })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What the real one answers: suffixes and counts, with padding. */
const answering: Answer = (_, response) => {
  const lines = [BREACHED, PADDED].map((password) => `${digestOf(password).slice(5)}:${password === BREACHED ? 3 : 0}`)
  response.end(['0018A45C4D1DEF81644B54AB7F969B88D65:1', ...lines].join('\r\n'))
}
const silent: Answer = () => {}

function linesOf(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  return { lines, log: makeLog('debug', { write: (line) => void lines.push(line) }) }
}

function appAsking(url: string, env = hardenedEnv()): Promise<TestApp> {
  return startTestApp({ env: { ...env, BIENVENUE_PASSWORD_HIBP: url } })
}

const register = (app: TestApp, password: string) => app.request('POST', '/users', { json: { email: EMAIL, password } })

test('a breached password is refused at registration, change, reset and on the command line; five digits leave the process', async () => {
  await using service = await breachService(answering)
  await using app = await appAsking(service.url)
  assertRefused(await register(app, BREACHED), 400, 'password_rejected', { field: 'password', reason: 'breached' })
  assert.deepEqual(service.asked, [{ path: `/range/${digestOf(BREACHED).slice(0, 5)}`, padding: 'true' }])

  await app.addVerified('amy@me.com', FINE)
  const session = await app.logIn('amy@me.com', FINE)
  const reset_token = await app.auth.getResetPasswordToken('amy@me.com')
  const change = { current_password: FINE, new_password: BREACHED }
  const reset = { email: 'amy@me.com', reset_token, new_password: BREACHED }
  const more = { field: 'new_password', reason: 'breached' }
  assertRefused(await app.request('PUT', '/account/password', { session, json: change }), 400, 'password_rejected', more)
  assertRefused(await app.request('PUT', '/reset_password', { json: reset }), 400, 'password_rejected', more)
  // What `users add` calls.
  await assert.rejects(hashNewPassword(app.auth.deps, BREACHED, { email: EMAIL, field: 'password' }), /stolen/)
  for (const { path } of service.asked) assert.match(path, /^\/range\/[0-9A-F]{5}$/)
  assert.ok(!JSON.stringify(app.logLines).includes(digestOf(BREACHED).slice(0, 5)))

  assert.equal((await register(app, FINE)).status, 200)
})

test('a password that only pads the answer is fine, and so is one that only shares its five digits', async () => {
  await using service = await breachService(answering)
  const { log, lines } = linesOf()
  for (const [password, breached] of [
    [PADDED, false],
    [FINE, false],
    [BREACHED, true],
  ] as const)
    assert.equal(await isBreachedPassword({ service: service.url, log }, password), breached)
  assert.deepEqual(lines, [])
})

test('with a breach service that never answers, registration answers within three seconds and refuses a listed password', async () => {
  await using service = await breachService(silent)
  await using app = await appAsking(service.url)
  const startedAt = performance.now()
  const [fine, listed] = await Promise.all([register(app, FINE), register(app, LISTED)])
  assert.ok(performance.now() - startedAt < 3_000)
  assert.equal(fine.status, 200)
  assertRefused(listed, 400, 'password_rejected', { field: 'password', reason: 'common' })
  const warned = app.logLines.filter(({ event }) => event === 'breach_check_failed')
  assert.deepEqual(
    warned.map(({ level, reason }) => [level, reason]),
    [['warn', 'timeout']],
    'and what is listed was not asked for',
  )
})

const FAILURES: Record<string, { readonly answer: Answer; readonly reason: string }> = {
  'never answers': { answer: silent, reason: 'timeout' },
  'begins an answer and never ends it': {
    answer: (_, response) => void response.write('0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n'),
    reason: 'timeout',
  },
  'answers 503': { answer: (_, response) => void response.writeHead(503).end('later'), reason: 'status 503' },
  'sends elsewhere': { answer: (_, response) => void response.writeHead(302, { location: '/range/00000' }).end(), reason: 'status 302' },
  'hangs up': { answer: ({ socket }) => void socket.destroy(), reason: 'unreachable' },
  'answers without end': {
    answer(_, response) {
      const more = () => void (response.write('A'.repeat(65_536)) ? setImmediate(more) : response.once('drain', more))
      more()
    },
    reason: 'more than 524288 bytes',
  },
}

for (const [does, { answer, reason }] of Object.entries(FAILURES)) {
  test(`a breach service that ${does} leaves the answer to the bundled list, with a warning that names no digits`, async () => {
    await using service = await breachService(answer)
    const { log, lines } = linesOf()
    const ask = { service: service.url, log, limitMilliseconds: reason === 'timeout' ? 100 : 10_000 }
    assert.deepEqual([await isBreachedPassword(ask, FINE), await isBreachedPassword(ask, LISTED)], [false, true])
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).reason),
      [reason, reason],
    )
    assert.ok(!lines.join().includes(digestOf(FINE).slice(0, 5)))
    assert.equal(service.asked.length, 2, 'no redirect is followed')
  })
}

test('nobody is asked unless it is turned on, nor for a password that is refused anyway', async () => {
  await using service = await breachService(answering)
  await using app = await appAsking(service.url)
  await register(app, 'too short')
  await register(app, LISTED)
  assert.deepEqual(service.asked, [])
  await using off = await startTestApp({ env: hardenedEnv() })
  assert.equal((await register(off, BREACHED)).status, 200)
  await using classic = await appAsking(service.url, {})
  assertRefused(await register(classic, BREACHED), 400, 'password_rejected', { field: 'password', reason: 'breached' })
})
