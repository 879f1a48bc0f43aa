import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { PostgresServer } from '../postgres-server.ts'
import { temporaryFolder } from '../service-process.ts'

export type Engine = 'sqlite' | 'postgres'

/** An empty database of one engine, and what a service needs to be told to use it. */
export interface Stage extends AsyncDisposable {
  readonly engine: Engine
  readonly folder: string
  readonly env: Record<string, string>
  /** Rows of a query of ours, past the service. `TABLE:x` names its table x. */
  rows(sql: string): Promise<Record<string, unknown>[]>
  /** What the engine itself finds wrong with its data. */
  damage(): Promise<string[]>
  /** Let every user's attempts count from zero, as an operator does. */
  unlock(): Promise<void>
}

/** @param sqliteFolder where the SQLite file lies, if not in a temporary folder */
export async function openStage(engine: Engine, postgres: PostgresServer | null, sqliteFolder?: string): Promise<Stage> {
  const folder = temporaryFolder()
  const common = { engine, folder: folder.path }
  const quiet = { BIENVENUE_LOG_LEVEL: 'error' }
  if (engine === 'sqlite') {
    const path = sqliteFolder ? `${sqliteFolder}/auth.db` : folder.file('auth.db')
    const rows = async (sql: string) => {
      using file = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
      return file.prepare(sql.replaceAll('TABLE:', '')).all()
    }
    return {
      ...common,
      env: { ...quiet, DATABASE_URL: `file:${path}` },
      rows,
      damage: async () => {
        const found = [...(await rows('pragma integrity_check')), ...(await rows('pragma foreign_key_check'))]
        return found.filter(({ integrity_check }) => integrity_check !== 'ok').map((row) => JSON.stringify(row))
      },
      async unlock() {
        using file = new DatabaseSync(path, { timeout: 5_000 })
        file.exec('delete from throttles')
      },
      [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
    }
  }
  if (!postgres) throw new Error('no PostgreSQL was started')
  const name = `faults_${randomUUID().replaceAll('-', '')}`
  await query(postgres.url, `create database ${name}`)
  const url = new URL(postgres.url)
  url.pathname = `/${name}`
  return {
    ...common,
    env: { ...quiet, DATABASE_URL: url.href },
    rows: (sql) => query(url.href, sql.replaceAll('TABLE:', 'bienvenue.')),
    // It has no check of its own that needs no extension; every row is read.
    damage: async () => {
      await query(
        url.href,
        'select count(u::text), count(s::text) from bienvenue.users u left join bienvenue.sessions s on s.user_id = u.id',
      )
      return []
    },
    unlock: async () => void (await query(url.href, 'delete from bienvenue.throttles')),
    async [Symbol.asyncDispose]() {
      await query(postgres.url, `drop database ${name} with (force)`)
      folder[Symbol.dispose]()
    },
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
