import type { MoveEnd } from './move-end.ts'
import type { Checksum, Row, Value } from './row-checksum.ts'
import { MOVE_KEY } from './service-state.ts'

/** How far a move has come: a row of the target's `service_state`, written in the transaction of each batch. While it is there no service opens the target. */
export interface MoveProgress {
  /** Where the rows come from, as the command named it, without a password. */
  readonly from: string
  /** What was copied is of no use: the next run begins anew. */
  readonly failed: boolean
  readonly tables: Readonly<Record<string, TableProgress>>
}

export interface TableProgress {
  readonly copied: Checksum
  /** The key of the last row that was copied. */
  readonly after: Row
}

export async function readProgress(target: MoveEnd): Promise<MoveProgress | null> {
  const [row] = await target.query(`select value from ${target.nameOf('service_state')} where key = ?`, [MOVE_KEY])
  return row ? parse(String(row[0])) : null
}

export async function insertProgress(target: MoveEnd, progress: MoveProgress): Promise<void> {
  await target.query(`insert into ${target.nameOf('service_state')} (key, value) values (?, ?)`, [MOVE_KEY, format(progress)])
}

/** False: the progress is no longer `before`, so somebody else moves into this database. */
export async function updateProgress(target: MoveEnd, before: MoveProgress, after: MoveProgress): Promise<boolean> {
  const sql = `update ${target.nameOf('service_state')} set value = ? where key = ? and value = ? returning key`
  return (await target.query(sql, [format(after), MOVE_KEY, format(before)])).length === 1
}

export async function deleteProgress(target: MoveEnd): Promise<void> {
  await target.query(`delete from ${target.nameOf('service_state')} where key = ?`, [MOVE_KEY])
}

export function rowsCopied(progress: MoveProgress | null): number {
  return Object.values(progress?.tables ?? {}).reduce((sum, { copied }) => sum + copied.rows, 0)
}

interface Stored {
  readonly from: string
  readonly failed: boolean
  readonly tables: Record<string, { rows: number; sum: string; after: string[] }>
}

function format({ from, failed, tables }: MoveProgress): string {
  const stored: Stored = {
    from,
    failed,
    tables: Object.fromEntries(
      Object.entries(tables).map(([name, { copied, after }]) => [
        name,
        { rows: copied.rows, sum: copied.sum.toString(16), after: after.map(keyText) },
      ]),
    ),
  }
  return JSON.stringify(stored)
}

function parse(text: string): MoveProgress {
  // Only this file writes it.
  const { from, failed, tables } = JSON.parse(text) as Stored
  return {
    from,
    failed,
    tables: Object.fromEntries(
      Object.entries(tables).map(([name, { rows, sum, after }]) => [
        name,
        { copied: { rows, sum: BigInt(`0x${sum}`) }, after: after.map(keyValue) },
      ]),
    ),
  }
}

/** A key's value with its type in front; keys are never null. */
function keyText(value: Value): string {
  if (typeof value === 'bigint') return `i${value}`
  return value instanceof Uint8Array ? `b${Buffer.from(value).toString('hex')}` : `t${value}`
}

function keyValue(text: string): Value {
  const rest = text.slice(1)
  if (text.startsWith('i')) return BigInt(rest)
  return text.startsWith('b') ? Buffer.from(rest, 'hex') : rest
}
