import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'

const root = join(import.meta.dirname, '..')
const python = spawnSync('python3', ['--version']).status === 0

for (const example of ['node-http.ts', 'express.ts', 'hono.ts']) {
  test(`${example}: people register, log in and log out under /auth, beside the application's own pages`, async (t) => {
    const { url, stop } = await startExample(t, example, ['0'])

    assert.deepEqual(await request(url, 'POST', '/auth/users', { form: bob }), [200, { email: 'bob@bob.com', message: 'user created' }])
    const session = await logIn(`${url}/auth`)
    assert.deepEqual(await request(url, 'GET', '/auth/profile', { session }), [200, { email: 'bob@bob.com' }])
    assert.equal((await request(url, 'DELETE', '/auth/sessions', { session }))[0], 302)
    assert.equal((await request(url, 'GET', '/auth/profile', { session }))[0], 403)
    assert.equal((await request(url, 'GET', '/nothing', {}))[0], 404)

    assert.equal(await stop(), 0, 'it stops cleanly on SIGTERM')
  })
}

test('node-http.ts: the application answers its own pages', async (t) => {
  const { url } = await startExample(t, 'node-http.ts', ['0'])
  assert.deepEqual(await request(url, 'GET', '/'), [200, 'The application itself. Its users are under /auth/\n'])
})

test('express.ts: its own routes know the user, and read JSON bodies of their own', async (t) => {
  const { url } = await startExample(t, 'express.ts', ['0'])
  await request(url, 'POST', '/auth/users', { json: bob })
  assert.deepEqual(await request(url, 'GET', '/notes'), [403, { message: 'log in first: POST /auth/sessions' }])
  const session = await logIn(`${url}/auth`)
  assert.deepEqual(await request(url, 'POST', '/notes', { session, json: { note: 'buy milk' } }), [200, { message: 'noted' }])
  assert.deepEqual(await request(url, 'GET', '/notes', { session }), [200, { email: 'bob@bob.com', notes: ['buy milk'] }])
})

test('hono.ts: its own page greets the user', async (t) => {
  const { url } = await startExample(t, 'hono.ts', ['0'])
  await request(url, 'POST', '/auth/users', { form: bob })
  assert.equal((await request(url, 'GET', '/'))[0], 403)
  assert.deepEqual(await request(url, 'GET', '/', { session: await logIn(`${url}/auth`) }), [200, 'Hello bob@bob.com\n'])
})

test('guarded-app.ts: a page is for those whom the service knows, as long as it knows them', async (t) => {
  const service = await startService(t)
  const { url, stop } = await startExample(t, 'guarded-app.ts', ['0', service.url])

  const isSentToLogin = async (session?: string) => {
    const headers: HeadersInit = session === undefined ? {} : { cookie: `session_id=${session}` }
    const answer = await fetch(url, { redirect: 'manual', headers })
    const back = encodeURIComponent(`http://localhost:${new URL(url).port}/`)
    assert.deepEqual([answer.status, answer.headers.get('location')], [302, `${service.url}/login?return_to=${back}`])
  }
  await isSentToLogin()
  await isSentToLogin('made-up')

  await request(service.url, 'POST', '/users', { form: bob })
  const session = await logIn(service.url)
  assert.deepEqual(await request(url, 'GET', '/', { session }), [200, 'This page is for bob@bob.com only.\n'])

  await request(service.url, 'DELETE', '/sessions', { session })
  await isSentToLogin(session)
  assert.equal(await stop(), 0)
})

test('guarded-app.ts: nobody is let in while the service is down', async (t) => {
  const service = await startService(t)
  const { url } = await startExample(t, 'guarded-app.ts', ['0', service.url])
  await service.stop()
  assert.equal((await request(url, 'GET', '/', { session: 'made-up' }))[0], 503)
})

const clients = [
  { name: 'end-to-end.ts', skip: false, command: [process.execPath, join(root, 'examples', 'end-to-end.ts')] },
  {
    name: 'end_to_end.py',
    skip: python ? false : 'there is no python3 on this machine',
    command: ['python3', join(root, 'examples', 'end_to_end.py')],
  },
] as const

for (const { name, skip, command } of clients) {
  test(`${name}: the whole contract holds against a running service`, { skip }, async (t) => {
    const { url } = await startService(t)
    const first = await run([...command, url])
    assert.equal(first.code, 0, first.err)
    assert.match(first.out, /^ok {4}log in with the new password: /m)
    assert.match(first.out, /All as the contract says\.\n$/)
    assert.equal(first.err, '')

    const second = await run([...command, url])
    assert.equal(second.code, 1, 'the address is taken by now')
    assert.match(second.err, /^FAIL {2}register\n {6}expected .*user created.*\n {6}found .*email already registered.*\n$/)
    assert.doesNotMatch(second.out, /log in/, 'it ends at the first mismatch')

    const fresh = await run([...command, url, '--fresh'])
    assert.equal(fresh.code, 0, fresh.err)
  })

  test(`${name}: the whole contract holds under /auth of an application`, { skip }, async (t) => {
    const { url } = await startExample(t, 'express.ts', ['0'])
    const { code, err } = await run([...command, `${url}/auth`])
    assert.equal(code, 0, err)
  })

  test(`${name}: without a service it says what to start`, { skip }, async (t) => {
    const { url, stop } = await startService(t)
    await stop()
    const { code, err } = await run([...command, url])
    assert.equal(code, 1)
    assert.match(err, /^Nothing answers at http:\/\/localhost:\d+ .*Start the service: npm start\n$/)
  })
}

const bob = { email: 'bob@bob.com', password: 'mySuperPwd' }

interface Program {
  readonly url: string
  /** Send SIGTERM. @returns the exit code */
  stop(): Promise<number | null>
}

function startExample(t: TestContext, name: string, args: readonly string[]): Promise<Program> {
  return start(t, ['--conditions=bienvenue-source', join(root, 'examples', name), ...args])
}

function startService(t: TestContext): Promise<Program> {
  return start(t, [join(root, 'src', 'main.ts')], { PORT: '0' })
}

/** Run a program in an empty folder of its own until it prints where it listens. */
async function start(t: TestContext, args: readonly string[], env: Record<string, string> = {}): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'bienvenue-example-'))
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...cleanEnvironment(), ...env } })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(folder, { recursive: true, force: true })
  })
  const url = await printedUrl(child)
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      await exited
      return child.exitCode
    },
  }
}

function printedUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let err = ''
    child.stderr?.on('data', (chunk) => {
      err += chunk
    })
    child.once('close', (code) => reject(new Error(`It ended with ${code} before it listened: ${err}`)))
    if (child.stdout === null) throw new Error('no output')
    createInterface(child.stdout).on('line', (line) => {
      const url = /http:\/\/localhost:\d+/.exec(line)?.[0]
      if (url) resolve(url)
    })
  })
}

async function run([command = '', ...args]: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(command, args, { env: cleanEnvironment() })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  await once(child, 'close')
  return { code: child.exitCode, out, err }
}

/** Nothing of the developer's own settings. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(BIENVENUE_|NODE_OPTIONS$|NODE_ENV$|NODE_TEST_CONTEXT$|DATABASE_URL$|SMTP_URL$|HOST$|PORT$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}

interface RequestOptions {
  readonly form?: Record<string, string>
  readonly json?: unknown
  readonly session?: string
}

/** Status, and the body as JSON where it is JSON. */
async function request(base: string, method: string, path: string, options: RequestOptions = {}): Promise<[number, unknown]> {
  const response = await send(base, method, path, options)
  const text = await response.text()
  return [response.status, response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text]
}

function send(base: string, method: string, path: string, { form, json, session }: RequestOptions): Promise<Response> {
  return fetch(base + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(session !== undefined && { cookie: `session_id=${session}` }),
    },
    ...(form && { body: new URLSearchParams(form) }),
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
}

async function logIn(base: string): Promise<string> {
  const response = await send(base, 'POST', '/sessions', { form: bob })
  assert.deepEqual([response.status, await response.json()], [200, { email: 'bob@bob.com', message: 'logged in' }])
  const session = /session_id=([^;]+)/.exec(response.headers.getSetCookie()[0] ?? '')?.[1]
  assert.ok(session)
  return session
}
