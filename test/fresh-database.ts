import { randomUUID } from 'node:crypto'
import pg from 'pg'

/**
 * A new database of the engine that this run is for: in memory, or on the PostgreSQL server that TEST_DATABASE_URL names
 * (scripts/test-on-postgres.ts starts one). It goes away with the test.
 */
export async function freshDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = process.env.TEST_DATABASE_URL
  if (!server) return { url: 'file::memory:', [Symbol.asyncDispose]: async () => {} }
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await onServer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, [Symbol.asyncDispose]: () => onServer(server, `drop database ${name} with (force)`) }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** What this run tests; for the few tests whose promise is one engine's alone. */
export const ENGINE = process.env.TEST_DATABASE_URL ? 'postgres' : 'sqlite'
