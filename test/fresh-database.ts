import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import pg from 'pg'
import { migrations } from '../src/db/migrations/index.ts'
import { TABLES } from '../src/db/table-list.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** What this run tests; for the few tests whose promise is one engine's alone. */
export const ENGINE = process.env.TEST_DATABASE_URL ? 'postgres' : 'sqlite'

/**
 * What a service needs in its environment beside the URL: nothing, or what TEST_PG_PREPARE says, for a run behind a pooler that keeps no prepared
 * statements (docs/scaling.md).
 */
export const ENGINE_ENV: Readonly<Record<string, string>> = process.env.TEST_PG_PREPARE
  ? { BIENVENUE_PG_PREPARE: process.env.TEST_PG_PREPARE }
  : {}

/** For a test's `skip`: on the other engine it says why there is nothing to test. */
export function onlyOn(engine: typeof ENGINE, reason: string): string | false {
  return ENGINE !== engine && reason
}

/**
 * An empty database of the engine that this run is for: in memory, or on the PostgreSQL server that TEST_DATABASE_URL names
 * (scripts/run-tests.ts starts one). Nobody else sees it until the test gives it back.
 */
export async function freshDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = process.env.TEST_DATABASE_URL
  if (!server) return { url: 'file::memory:', [Symbol.asyncDispose]: async () => {} }
  const url = idle.pop() ?? (await create(server))
  return { url, [Symbol.asyncDispose]: () => giveBack(server, url) }
}

/** The same, for several services at once or one after another: on SQLite a file, in a folder of its own. */
export async function keptDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  if (ENGINE === 'postgres') return freshDatabase()
  const directory = await temporaryDirectory()
  return { url: `file:${directory.file('auth.db')}`, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}

/** Making a database takes a quarter of a second, emptying one takes a hundredth: within a file of tests they are used again. */
const idle: string[] = []
// Outside a test run (npm run fuzz) there is nobody to tell, and the server ends with the run.
if (process.env.NODE_TEST_CONTEXT && process.env.TEST_DATABASE_URL) {
  const server = process.env.TEST_DATABASE_URL
  after(() => Promise.all(idle.map((url) => drop(server, url))))
}

async function create(server: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await run(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function giveBack(server: string, url: string): Promise<void> {
  // Deleting a few rows is faster than giving each table a new file, which truncate does.
  const statements = [
    ...TABLES.toReversed().map(({ name }) => `delete from bienvenue.${name}`),
    "select count(*)::integer as applied from bienvenue.bienvenue_migrations where name <> 'lock'",
  ]
  const emptied = await run(url, statements.join('; ')).catch(() => null)
  // A test that did something to the tables: the next one begins with another database.
  if (emptied?.at(-1)?.rows[0]?.applied === migrations.length) idle.push(url)
  else await drop(server, url)
}

async function drop(server: string, url: string): Promise<void> {
  await run(server, `drop database ${new URL(url).pathname.slice(1)} with (force)`)
}

/** @returns one result for each statement */
async function run(url: string, statement: string): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return [await client.query(statement)].flat()
  } finally {
    await client.end()
  }
}
