import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'

/** The package as npm publishes it: built, packed, and installed into an empty folder from the registry's dependencies. */

const root = join(import.meta.dirname, '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const folder = mkdtempSync(join(tmpdir(), 'bienvenue-package-'))
const clone = join(folder, 'clone')
const project = join(folder, 'project')
const installed = join(project, 'node_modules', 'bienvenue')
let tarball: string[] = []
let offline = ''

before(() => {
  copyClone()
  // What must never be published, put where it would be found.
  for (const path of ['bienvenue.db', 'bienvenue.secret', 'docs/bienvenue.db', 'docs/bienvenue.secret', '.env']) {
    writeFileSync(join(clone, path), 'not for everybody')
  }
  run(clone, process.execPath, ['scripts/build.js'])
  const [packed] = JSON.parse(run(clone, 'npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder])) as [
    { filename: string; files: { path: string }[] },
  ]
  tarball = packed.files.map((file) => file.path)

  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', join(folder, packed.filename)]
  const { status, stderr } = tryRun(project, 'npm', args)
  if (/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH)\b/.test(stderr)) offline = 'the npm registry cannot be reached'
  else assert.equal(status, 0, stderr)
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('the tarball holds what users need and nothing else', () => {
  const folders = new Set(tarball.map((path) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')))
  assert.deepEqual([...folders].sort(), ['', 'bin', 'dist', ...(folders.has('docs') ? ['docs'] : [])])
  const strays = tarball.filter((path) => /\.test\.|\.(db|db-wal|db-shm|secret|env|log|tgz|pem|key)$|(^|\/)\.|(?<!\.d)\.ts$/.test(path))
  assert.deepEqual(strays, [])
  const needed = ['bin/bienvenue.js', 'dist/main.js', 'dist/create-auth.js', 'dist/create-auth.d.ts', 'dist/http/node-handler.js']
  const assets = ['dist/http/style.css', 'dist/pages/browser.js', 'dist/passwords/common-passwords.txt.deflate', 'dist/db/sqlite-worker.js']
  for (const path of [...needed, ...assets, 'README.md', 'LICENSE', 'CHANGELOG.md', 'package.json']) {
    assert.ok(tarball.includes(path), `${path} is missing`)
  }
})

test('plain JavaScript registers and logs in: by the units, by fetch, and behind node:http', (t) => {
  if (offline) return t.skip(offline)
  const output = runSource(
    'app.js',
    `
    import { createServer } from 'node:http'
    import { AuthError, createAuth } from 'bienvenue'
    import { toNodeHandler } from 'bienvenue/node'

    const auth = await createAuth({ databaseUrl: 'file::memory:' })
    const user = await auth.registerUser('amy@me.com', 'pw')
    console.log(user.email, await auth.validLogin('amy@me.com', 'pw'), await auth.validLogin('amy@me.com', 'no'))
    const sessionId = await auth.createSession('amy@me.com')
    console.log((await auth.getUserFromSessionId(sessionId)).id === user.id)
    await auth.registerUser('amy@me.com', 'pw').catch((error) => console.log(error instanceof AuthError, error.code, error.message))

    const form = (fields) => ({ method: 'POST', headers: { host: 'localhost' }, body: new URLSearchParams(fields) })
    const bob = { email: 'bob@bob.com', password: 'mySuperPwd' }
    const created = await auth.fetch(new Request('http://localhost/users', form(bob)), { clientAddress: '127.0.0.1' })
    console.log(created.status, await created.text())

    const server = createServer(toNodeHandler(auth)).listen(0, 'localhost', async () => {
      const answer = await fetch('http://localhost:' + server.address().port + '/sessions', { method: 'POST', body: new URLSearchParams(bob) })
      console.log(answer.status, await answer.text())
      server.close(() => auth.close())
    })
    `,
  )
  assert.deepEqual(output, [
    'amy@me.com true false',
    'true',
    'true email_already_registered User amy@me.com already exists',
    '200 {"email":"bob@bob.com","message":"user created"}',
    '200 {"email":"bob@bob.com","message":"logged in"}',
  ])
})

test('a database in a file outlives the program, and CommonJS can require the package', (t) => {
  if (offline) return t.skip(offline)
  const source = (last: string) => `
    const { createAuth } = require('bienvenue')
    createAuth({ databaseUrl: 'file:users.db', publicUrl: 'http://localhost:3000/auth' }).then(async (auth) => {
      ${last}
      await auth.close()
    })
  `
  assert.deepEqual(runSource('first.cjs', source("console.log((await auth.registerUser('amy@me.com', 'pw')).email)")), ['amy@me.com'])
  assert.deepEqual(runSource('second.cjs', source("console.log(await auth.validLogin('amy@me.com', 'pw'))")), ['true'])
})

test('its types hold under the strictest settings, and refuse what is wrong', (t) => {
  if (offline) return t.skip(offline)
  const source = `
    import { createServer } from 'node:http'
    import { type Auth, AuthError, type AuthOptions, createAuth, type ErrorCode, type RequestInfo, type User } from 'bienvenue'
    import { toNodeHandler } from 'bienvenue/node'

    const options: AuthOptions = { databaseUrl: 'file::memory:', posture: 'classic', trustedProxies: ['10.0.0.0/8'] }
    const auth: Auth = await createAuth(options)
    const from: RequestInfo = { clientAddress: '127.0.0.1' }
    const response: Response = await auth.fetch(new Request('http://localhost/'), from)
    const user: User | null = await auth.getUserFromSessionId(await auth.createSession('amy@me.com'))
    const facts: [number, string | undefined, Date | undefined] = [response.status, user?.email, user?.createdAt]
    createServer(toNodeHandler(auth)).on('error', () => console.log(facts))
    await auth.registerUser('amy@me.com', 'pw').catch((error: unknown) => {
      const code: ErrorCode | null = error instanceof AuthError ? error.code : null
      return code === 'email_already_registered'
    })

    // @ts-expect-error: an option that does not exist
    await createAuth({ databaseURL: 'file::memory:' })
    // @ts-expect-error: a posture that does not exist
    await createAuth({ posture: 'soft' })
    // @ts-expect-error: an argument is missing
    await auth.addUser('amy@me.com')
    // @ts-expect-error: there may be no user
    user.email
    // @ts-expect-error: the hash never leaves
    user?.hashedPassword
  `
  writeFileSync(join(project, 'app.ts'), source)
  const settings = {
    compilerOptions: {
      target: 'es2024',
      lib: ['es2024'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    files: ['app.ts'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(settings))
  run(project, process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'])
})

test('npx runs the command', (t) => {
  if (offline) return t.skip(offline)
  assert.equal(run(project, 'npx', ['--no-install', 'bienvenue', '--version']), `${version}\n`)
})

test('`bienvenue serve` serves, with its database in a file and its pages in style', async (t) => {
  if (offline) return t.skip(offline)
  const program = spawn(process.execPath, [join(installed, 'bin', 'bienvenue.js'), 'serve'], {
    cwd: project,
    env: { ...environment(), PORT: '0', DATABASE_URL: 'file:served.db' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(program, 'exit')
  t.after(() => program.kill('SIGKILL'))
  const url = await new Promise<string>((resolve, reject) => {
    program.once('exit', (code) => reject(new Error(`It ended with ${code} before it listened`)))
    createInterface(program.stdout).on('line', (line) => {
      const listening = /http:\/\/localhost:\d+/.exec(line)?.[0]
      if (listening) resolve(listening)
    })
  })
  const created = await fetch(`${url}/users`, {
    method: 'POST',
    body: new URLSearchParams({ email: 'bob@bob.com', password: 'mySuperPwd' }),
  })
  assert.deepEqual([created.status, await created.json()], [200, { email: 'bob@bob.com', message: 'user created' }])
  assert.equal((await fetch(`${url}/style.css`)).status, 200)
  program.kill('SIGTERM')
  await exited
  assert.equal(program.exitCode, 0)
  assert.ok(existsSync(join(project, 'served.db')))
})

test('a Node that is too old is told so in one sentence', (t) => {
  if (offline) return t.skip(offline)
  const bin = join(installed, 'bin', 'bienvenue.js')
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.0' } });
    Object.defineProperty(process, 'version', { value: 'v18.19.0' })`
  const attempts: { node: string; version: string; flags: string[] }[] = [
    { node: process.execPath, version: 'v18.19.0', flags: ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`] },
  ]
  const old = oldNode()
  if (old) attempts.push({ ...old, flags: [] })
  else t.diagnostic('no Node older than 24 on this machine: only a pretended one was asked')
  for (const { node, version, flags } of attempts) {
    const { status, stdout, stderr } = tryRun(project, node, [...flags, bin, '--version'])
    assert.deepEqual(
      { status, stdout, stderr },
      { status: 1, stdout: '', stderr: `Bienvenue needs Node.js 24 or newer; this is ${version}.\n` },
    )
  }
})

/** The clone without its past, its dependencies and what others have built there: packing disturbs no other test. */
function copyClone(): void {
  const left = new Set(['node_modules', '.git', 'dist', join('bench', 'results')])
  cpSync(root, clone, { recursive: true, filter: (path) => !left.has(relative(root, path)) })
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'), 'junction')
}

/** A Node before 24 on the PATH, outside node_modules. */
function oldNode(): { node: string; version: string } | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((path) => path !== '' && !path.includes('node_modules'))
    .map((path) => join(path, process.platform === 'win32' ? 'node.exe' : 'node'))
    .filter((node) => existsSync(node))
    .map((node) => ({ node, version: tryRun(folder, node, ['--version']).stdout.trim() }))
    .find(({ version }) => Number(/^v(\d+)\./.exec(version)?.[1] ?? 99) < 24)
}

/** Run a program of the installed package's user. @returns its lines */
function runSource(name: string, source: string): string[] {
  writeFileSync(join(project, name), source)
  return run(project, process.execPath, [name]).trimEnd().split('\n')
}

function run(cwd: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = tryRun(cwd, command, args)
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

function tryRun(cwd: string, command: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const shell = process.platform === 'win32' && (command === 'npm' || command === 'npx')
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: environment(), encoding: 'utf8', shell })
  if (error) throw error
  return { status, stdout, stderr }
}

/** Nothing of the developer's own settings nor of the npm script that runs this; `node` is the one that runs this. */
function environment(): NodeJS.ProcessEnv {
  const ours = /^(BIENVENUE_|npm_|NODE_OPTIONS$|NODE_ENV$|NODE_TEST_CONTEXT$|DATABASE_URL$|SMTP_URL$|HOST$|PORT$)/i
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
  return { ...kept, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` }
}
