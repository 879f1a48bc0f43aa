import type { Row } from './row-checksum.ts'

/**
 * One end of a move: a connection of its own, without the timeouts and the roundings of the service's. SQL is written once for both engines, with `?` for values
 * and {@link MoveEnd.nameOf} for tables.
 */
export interface MoveEnd extends AsyncDisposable {
  /** The database itself, whatever it is called: the same for two addresses of one. */
  readonly identity: string
  /** May its user make our tables here? */
  readonly isWritable: boolean
  nameOf(table: string): string
  /** Tables and their columns by name, in the order of letters; empty where nothing was made yet. */
  schema(): Promise<ReadonlyMap<string, readonly Column[]>>
  query(sql: string, values?: Row): Promise<Row[]>
  insert(table: string, columns: readonly string[], rows: readonly Row[]): Promise<void>
  /**
   * One transaction; only of an end that was opened to write. The disk may have it later, in the order of commits: a power cut then loses the last ones, rows and
   * progress alike. `flushed`: this one, and all before it, have reached the disk.
   */
  transaction(work: () => Promise<void>, options?: { readonly flushed: boolean }): Promise<void>
}

export interface Column {
  readonly name: string
  readonly isText: boolean
}

/** `snapshot`: reads only, and all from one moment. */
export type Access = 'snapshot' | 'write'

/** The data breaks a rule of the schema: a key is there already, or one that is referred to is missing. */
export class ConstraintBroken extends Error {
  override readonly name = 'ConstraintBroken'
}

/** Columns in the order of letters, which both engines then share. */
export function byTable(rows: readonly Row[]): Map<string, Column[]> {
  const tables = new Map<string, Column[]>()
  for (const [table, name, type] of rows as [string, string, string][]) {
    const columns = tables.get(table) ?? []
    columns.push({ name, isText: type.toLowerCase() === 'text' })
    tables.set(table, columns)
  }
  for (const columns of tables.values()) columns.sort((a, b) => (a.name < b.name ? -1 : 1))
  return tables
}
