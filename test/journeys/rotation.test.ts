import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { forgetEvents } from '../forget-events.ts'
import { keptDatabase } from '../fresh-database.ts'
import { freshPlace } from '../service-process.ts'
import { startTestApp, type TestApp } from '../test-app.ts'

const SECRETS = { one: 'v1:0bLk4Qw8zN2cXv6TgYh1RmJdPs5FaEiUo7KqVtWyGxBzHnCe', two: 'v2:Qm8rT1yVx3ZnB6cKd9LfGh2JpWs5AoEiUu4NvMqRtYbXgCzH' }
const PEPPERS = { one: 'v1:Zx9Kd2Lq7Ws4Vb1Nm6Hj3Gf8Tr5Ye0UiPoAsDcXzQwErTyU', two: 'v2:Tg5Yh8Uj1Ik4Ol7Pz0Xs3Cd6Vf9Bg2Nh5Mj8Qk1Wl4Er7Ty' }
const envOf = (...versions: readonly ('one' | 'two')[]) => ({
  BIENVENUE_SECRET: versions.map((version) => SECRETS[version]).join(),
  BIENVENUE_PASSWORD_PEPPER: versions.map((version) => PEPPERS[version]).join(),
})

const USERS = ['ann@example.com', 'bob@example.com', 'cat@example.com']
const PASSWORD = 'secret of them all'
const CLIENTS = 3

/** Two nodes of one service, as a load balancer sees them: a node that is replaced gets no new requests, and ends when it has answered the rest. */
async function openNodes(databaseUrl: string) {
  const start = (env: Record<string, string>) => startTestApp({ databaseUrl, env })
  const nodes = [await start(envOf('one')), await start(envOf('one'))]
  const working = new Map<TestApp, Set<Promise<void>>>()
  return {
    async ask(turn: number, work: (node: TestApp) => Promise<void>): Promise<void> {
      const node = nodes[turn % 2] ?? assert.fail()
      const itsWork = working.get(node) ?? new Set()
      working.set(node, itsWork)
      const done = work(node)
      itsWork.add(done)
      await done.finally(() => itsWork.delete(done))
    },
    async restartWith(env: Record<string, string>, midway: () => Promise<void>): Promise<void> {
      for (const at of [0, 1]) {
        const fresh = await start(env)
        const [old = assert.fail()] = nodes.splice(at, 1, fresh)
        await Promise.all(working.get(old) ?? [])
        await old[Symbol.asyncDispose]()
        await midway()
      }
    },
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node[Symbol.asyncDispose]()
    },
  }
}

test('both keys are rotated node by node, under load, in two steps: every login is good, and the old versions can go', async () => {
  await using database = await keptDatabase()
  {
    await using nodes = await openNodes(database.url)
    await nodes.ask(0, async (node) => {
      for (const email of USERS) await node.register(email, PASSWORD)
    })
    const answers: number[] = []
    let over = false
    const waiting: { readonly answers: number; readonly go: () => void }[] = []
    const client = async (number: number) => {
      for (let turn = number; !over; turn++) {
        const email = USERS[turn % USERS.length] ?? ''
        await nodes.ask(turn, async (node) => {
          const login = await node.request('POST', '/sessions', { form: { email, password: PASSWORD } })
          answers.push(login.status)
          for (const { go } of waiting.filter((one) => one.answers <= answers.length)) go()
        })
      }
    }
    const load = Array.from({ length: CLIENTS }, (_, number) => client(number))
    const someLogins = () => new Promise<void>((go) => waiting.push({ answers: answers.length + 2 * CLIENTS, go }))
    await someLogins()
    await nodes.restartWith(envOf('one', 'two'), someLogins)
    await nodes.restartWith(envOf('two', 'one'), someLogins)
    over = true
    await Promise.all(load)
    assert.deepEqual(new Set(answers), new Set([200]))
    assert.ok(answers.length >= 10 * CLIENTS, `${answers.length} logins`)
    for (const email of USERS) await nodes.ask(0, async (node) => void (await node.logIn(email, PASSWORD)))
  }
  await forgetEvents(database.url)
  await using app = await startTestApp({ databaseUrl: database.url, env: envOf('two') })
  const hashes = await app.auth.deps.database.reads.selectFrom('users').select('password_hash').execute()
  for (const { password_hash } of hashes) assert.match(password_hash ?? '', /,keyid=djI\$/, 'nothing of the old version is left')
  for (const email of USERS) await app.logIn(email, PASSWORD)
})

test('secret rotate rewrites the file in two steps, and status says what refers to what', async () => {
  await using place = await freshPlace()
  const run = (args: string, env: Record<string, string> = {}) => place.run(['secret', ...args.split(' ')], { env })
  assert.equal((await place.run(['users', 'add', 'bob@example.com'])).code, 0)
  const path = place.file('bienvenue.secret')
  const first = readFileSync(path, 'utf8').trim()

  const staged = await run('rotate --stage')
  assert.equal(staged.code, 0, staged.stderr)
  assert.match(staged.stdout, /bienvenue\.secret is rewritten\. Version v2 is known and not in use yet\. Restart every process/)
  const both = readFileSync(path, 'utf8').trim()
  assert.ok(both.startsWith(`${first},v2:`))

  const promoted = await run('rotate')
  assert.match(promoted.stdout, /version v2 is in use from then on\. Keep v1 in .*bienvenue\.secret until "bienvenue secret status"/)
  const value = readFileSync(path, 'utf8').trim()
  assert.equal(value, both.split(',').reverse().join())
  assert.equal(statSync(path).mode & 0o777, 0o600)

  const printed = await run('rotate --print', { BIENVENUE_SECRET: value })
  assert.match(printed.stdout, /^v3:[A-Za-z0-9_-]{64},v2:.*,v1:.*\n$/, 'the value alone, for whoever captures it')
  assert.match(printed.stderr, /^\nSet BIENVENUE_SECRET to the line above\. Restart every process: version v3/)
  const pepper = (await run('rotate --pepper')).stdout.trim()
  assert.match(pepper, /^v1:[A-Za-z0-9_-]{64}$/)

  const env = { BIENVENUE_PASSWORD_PEPPER: pepper }
  assert.equal((await place.run(['users', 'add', 'ann@example.com', '--password-stdin'], { env, input: `${PASSWORD}\n` })).code, 0)
  const status = await run('status --json', env)
  const { versions } = JSON.parse(status.stdout)
  assert.deepEqual(
    versions.map(({ fingerprint: _, ...rest }: { fingerprint: string }) => rest),
    [
      { kind: 'secret', version: 'v2', state: 'writes', references: [{ where: 'audit_events.key_version', rows: 2 }] },
      { kind: 'secret', version: 'v1', state: 'reads', references: [{ where: 'audit_events.key_version', rows: 1 }] },
      { kind: 'pepper', version: 'v1', state: 'writes', references: [{ where: 'users.password_hash', rows: 1 }] },
    ],
  )
  for (const { stderr } of [staged, promoted, printed, status])
    for (const version of [...value.split(','), pepper]) assert.ok(!stderr.includes(version.slice(3)), 'no secret in a message')
  assert.ok(!status.stdout.includes(pepper.slice(3)))
})
