import { DatabaseSync } from 'node:sqlite'

/** Which rows of a run have which address and external id. */
export interface Claims extends Disposable {
  /** The numbers of the rows that have them; `null`: none has. */
  find(address: string, externalId: string | null): { readonly address: number | null; readonly externalId: number | null }
  insert(address: string, externalId: string | null, number: number): void
  inTransaction<T>(work: () => T): T
}

/** 32 MiB in memory; what is more, SQLite keeps in a nameless temporary file, so that a million rows need no more here than a thousand. */
const CACHE_KIB = 32_768

/** They last as long as the run. Nothing of it is worth a lock or a journal. */
export function openClaims(): Claims {
  const database = new DatabaseSync('')
  database.exec(`
    pragma cache_size = -${CACHE_KIB}; pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
    create table addresses (key text primary key, number integer not null) without rowid;
    create table external_ids (key text primary key, number integer not null) without rowid;
  `)
  const [addresses, externalIds] = ['addresses', 'external_ids'].map((table) => ({
    find: database.prepare(`select number from ${table} where key = ?`),
    insert: database.prepare(`insert into ${table} values (?, ?) on conflict do nothing`),
  })) as [KeyTable, KeyTable]
  return {
    find: (address, externalId) => ({
      address: numberOf(addresses, address),
      externalId: externalId === null ? null : numberOf(externalIds, externalId),
    }),
    insert(address, externalId, number) {
      addresses.insert.run(address, number)
      if (externalId !== null) externalIds.insert.run(externalId, number)
    },
    inTransaction(work) {
      database.exec('begin')
      const result = work()
      database.exec('commit')
      return result
    },
    [Symbol.dispose]: () => database.close(),
  }
}

type Statement = ReturnType<DatabaseSync['prepare']>
type KeyTable = { readonly find: Statement; readonly insert: Statement }

function numberOf({ find }: KeyTable, key: string): number | null {
  const row = find.get(key)
  return row ? Number(row.number) : null
}
