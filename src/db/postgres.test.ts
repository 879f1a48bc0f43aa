import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { ENGINE, freshDatabase } from '../../test/fresh-database.ts'
import { refused } from '../../test/refusals.ts'
import { openDatabase } from './database.ts'

const onPostgres = ENGINE === 'postgres' ? {} : { skip: 'a SQLite file has no connection to lose' }

test(
  'a connection that dies between two statements refuses the transaction as unavailable, and the next one works',
  onPostgres,
  async () => {
    await using fresh = await freshDatabase()
    const database = await openDatabase({ engine: 'postgres', url: fresh.url, poolSize: 1, prepare: true })
    const other = new pg.Client({ connectionString: fresh.url })
    await other.connect()
    try {
      const work = database.inTransaction(async (tx) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
        const pid = rows[0]?.pid
        await other.query('select pg_terminate_backend($1, 5000)', [pid])
        // The end of the connection is noticed in a turn of its own, with no statement under way.
        for (let turns = 0; turns < 100; turns++) await turn()
        await sql`select 1`.execute(tx)
      })
      await assert.rejects(work, refused('unavailable'))
      await database.inTransaction((tx) => sql`select 1`.execute(tx))
    } finally {
      await other.end()
      await database.close()
    }
  },
)
