// Runs test files on a PostgreSQL of their own: node scripts/test-on-postgres.ts [FILE...]
// Without files, those whose tests begin with a fresh database, but for HTTP's own; the others name a SQLite file themselves or need no database.
// With TEST_DATABASE_URL set, that server is used; else one is started (test/postgres-server.ts), and ends with the run.
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../test/postgres-server.ts'

const named = process.argv.slice(2)
const given = process.env.TEST_DATABASE_URL
const server = given ? null : await startPostgres()
const options = ['--test', '--test-reporter=spec', `--test-concurrency=${Math.max(2, availableParallelism())}`]
const child = spawn(process.execPath, [...options, ...(named.length > 0 ? named : databaseTests())], {
  stdio: 'inherit',
  env: { ...process.env, TEST_DATABASE_URL: given ?? server?.url },
})
process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
await server?.[Symbol.asyncDispose]()

function databaseTests(): string[] {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = globSync(['src/**/*.test.ts', 'test/journeys/*.test.ts'], { cwd: root }).sort()
  // What src/http/ promises is decided before any database is asked: an import rule keeps it from knowing one. Its test of a database that is closed runs twice.
  const askNone = (file: string) => file.startsWith('src/http/') && file !== 'src/http/error-response.test.ts'
  return files.filter(
    (file) => !askNone(file) && /startTestApp\(|freshDatabase\(|freshPlace\(|freshTarget\(/.test(readFileSync(join(root, file), 'utf8')),
  )
}
