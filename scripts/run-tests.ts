// Runs the tests: node scripts/run-tests.ts               all of them, those that use a database on both engines
//                 node scripts/run-tests.ts FILE...        these, on SQLite
//                 node scripts/run-tests.ts --postgres [FILE...]   these, or all that use a database, on PostgreSQL
// With TEST_DATABASE_URL set, that PostgreSQL server is used; else one is started (test/postgres-server.ts), and ends with the run.
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type PostgresServer, startPostgres } from '../test/postgres-server.ts'

const root = join(import.meta.dirname, '..')

/** Files that run by one command of Node's test runner. */
interface Group {
  readonly name: string
  readonly files: readonly string[]
  readonly engine: 'sqlite' | 'postgres'
  /** In one process for all files: tests beside the source leave nothing behind, and the source is loaded once. Stories start processes of their own. */
  readonly shareProcess: boolean
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { postgres: { type: 'boolean', default: false } } })
const groups = positionals.length > 0 ? [groupOf(positionals)] : values.postgres ? onPostgres() : [...onSqlite(), ...onPostgres()]
const given = process.env.TEST_DATABASE_URL
const server = !given && groups.some(({ engine }) => engine === 'postgres') ? await startPostgres() : null
process.exitCode = await runAll(groups, server)
await server?.[Symbol.asyncDispose]()

function groupOf(files: readonly string[]): Group {
  return { name: 'named files', files, engine: values.postgres ? 'postgres' : 'sqlite', shareProcess: false }
}

function filesOf(...patterns: string[]): string[] {
  return globSync(patterns, { cwd: root }).sort()
}

/** What they promise is of pages, whatever the database. */
function isInBrowser(file: string): boolean {
  return file.startsWith('test/journeys/browser-')
}

/** Those that start processes have one each for themselves; the others share one, so that the source is loaded once. */
function stories(where: string, engine: Group['engine'], isOne: (file: string) => boolean): Group[] {
  const files = filesOf('test/journeys/*.test.ts').filter(isOne)
  const startsProcesses = (file: string) =>
    /child_process|service-process|writing-process|startService/.test(readFileSync(join(root, file), 'utf8'))
  return [
    { name: `stories of processes, ${where}`, files: files.filter(startsProcesses), engine, shareProcess: false },
    { name: `stories, ${where}`, files: files.filter((file) => !startsProcesses(file)), engine, shareProcess: true },
  ]
}

/** The longest first, so that the others run beside it. */
function onSqlite(): Group[] {
  return [
    {
      name: 'faults, examples and the package',
      files: filesOf('test/*.test.ts', 'test/{faults,fuzz,enumeration}/*.test.ts'),
      engine: 'sqlite',
      shareProcess: false,
    },
    ...stories('on SQLite', 'sqlite', (file) => !isInBrowser(file)),
    { name: 'stories in a browser', files: filesOf('test/journeys/*.test.ts').filter(isInBrowser), engine: 'sqlite', shareProcess: false },
    { name: 'rules, on SQLite', files: filesOf('src/**/*.test.ts'), engine: 'sqlite', shareProcess: true },
  ]
}

/** Those whose tests begin with a fresh database; the others name a SQLite file themselves or need no database. */
function onPostgres(): Group[] {
  const says = (file: string, pattern: RegExp) => pattern.test(readFileSync(join(root, file), 'utf8'))
  // Of those in hardened, where rules are the same, the ones in which requests race: there the engines differ.
  const usesDatabase = (file: string) =>
    says(file, /startTestApp\(|freshDatabase\(|freshPlace\(|freshTarget\(/) ||
    (says(file, /startHardenedApp\(|startForManyClients\(/) && says(file, /parallel|\braces?\b|at once/))
  // What src/http/ promises is decided before any database is asked: an import rule keeps it from knowing one; so is what a mutated passkey meets. Its test of a database that is closed runs twice.
  const asksNone = (file: string) =>
    (file.startsWith('src/http/') && file !== 'src/http/error-response.test.ts') || file === 'src/passkeys/passkey-fuzz.test.ts'
  const rules = filesOf('src/**/*.test.ts').filter((file) => usesDatabase(file) && !asksNone(file))
  // What these promise, of input, of mail texts and of where one is sent back to, is decided before any database is asked, too.
  const askNone = ['input', 'mail', 'redirects'].map((name) => `test/journeys/published-attacks-${name}.test.ts`)
  return [
    ...stories('on PostgreSQL', 'postgres', (file) => usesDatabase(file) && !askNone.includes(file) && !isInBrowser(file)),
    { name: 'rules, on PostgreSQL', files: rules, engine: 'postgres', shareProcess: true },
  ]
}

/** As many groups at once as there are cores; each is printed as a whole when it ends. @returns the exit code */
async function runAll(all: readonly Group[], postgres: PostgresServer | null): Promise<number> {
  const waiting = [...all]
  let worst = 0
  const worker = async () => {
    for (let group = waiting.shift(); group; group = waiting.shift()) worst = Math.max(worst, await run(group, postgres, all.length === 1))
  }
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker))
  return worst
}

function run({ name, files, engine, shareProcess }: Group, postgres: PostgresServer | null, alone: boolean): Promise<number> {
  const options = ['--test', '--test-reporter=spec', shareProcess ? '--test-isolation=none' : '--test-concurrency=1']
  const { TEST_DATABASE_URL: _, ...env } = process.env
  const child = spawn(process.execPath, [...options, ...files], {
    cwd: root,
    stdio: ['ignore', alone ? 'inherit' : 'pipe', 'inherit'],
    env: { ...env, ...(engine === 'postgres' && { TEST_DATABASE_URL: given ?? postgres?.url }) },
  })
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return new Promise((resolve) =>
    child.on('close', (code) => {
      if (!alone) process.stdout.write(`\n${name}\n${output}`)
      resolve(code ?? 1)
    }),
  )
}
