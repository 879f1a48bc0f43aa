import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { AuthError } from '../errors.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { ConstraintBroken, type MoveEnd } from './move-end.ts'
import { type MoveOptions, openEnd, refused, requireSameMigrations, type TableCount } from './move-plan.ts'
import { deleteProgress, insertProgress, type MoveProgress, readProgress, updateProgress } from './move-progress.ts'
import { addRows, type Checksum, checksumText, NO_ROWS, type Row } from './row-checksum.ts'
import { MOVE_KEY } from './service-state.ts'
import { TABLES } from './table-list.ts'

/** One transaction each: large enough that commits cost little, small enough that memory stays flat. */
const BATCH_ROWS = 2_000

export interface MovedTable extends TableCount {
  /** The same on both sides. */
  readonly checksum: string
}

/**
 * Copy every table, then read both sides anew and compare. Interrupted at any moment, the same call goes on where it stood.
 * The source is read from one moment and not changed.
 *
 * @param onRows how many rows were copied or, later, compared on either side since the last call
 * @throws AuthError `database_refused` - the source changed meanwhile, or the target holds something else
 */
export async function move(options: MoveOptions, clock: Clock, onRows: (rows: number) => void): Promise<MovedTable[]> {
  const { to } = options
  // Makes the target where there is none, with the file's mode and the schema's name.
  const made = await openDatabase(to.location)
  await migrate(made, clock).finally(() => made.close())
  await using target = await openEnd(to, 'write')
  await requireSameMigrations(target, to)
  try {
    const copied = await copyTables(options, target, onRows)
    const moved = await verify(options, copied, onRows)
    await target.transaction(() => deleteProgress(target), { flushed: true })
    return moved
  } catch (error) {
    if (error instanceof Unequal) {
      await giveUp(target)
      throw refused(error.message)
    }
    if (!(error instanceof AuthError) || error.code !== 'unavailable') throw error
    throw new AuthError(
      'unavailable',
      { sentence: `${error.message}. Run the same command again: it goes on where it stopped.` },
      { cause: error },
    )
  }
}

/** The target is not what the source is. */
class Unequal extends Error {
  override readonly name = 'Unequal'
}

/** Decide within the transaction that writes it whether this run begins or goes on. */
async function begin(target: MoveEnd, { from, to, emptyTarget }: MoveOptions): Promise<MoveProgress> {
  let progress: MoveProgress = { from: from.name, failed: false, tables: {} }
  await target.transaction(async () => {
    const found = await readProgress(target)
    if (found?.from === from.name && !found.failed) {
      progress = found
      return
    }
    const [user] = await target.query(`select id from ${target.nameOf('users')} limit 1`)
    if (user && !emptyTarget && !found) throw refused(`${to.name} has got users meanwhile. Nothing was moved.`)
    for (const { name } of TABLES.toReversed()) await target.query(`delete from ${target.nameOf(name)}`)
    await insertProgress(target, progress)
  })
  return progress
}

async function requireSameColumns(source: MoveEnd, target: MoveEnd): Promise<void> {
  const [from, to] = [await source.schema(), await target.schema()]
  const names = (schema: typeof from, table: string) => (schema.get(table) ?? []).map(({ name }) => name).join(', ')
  for (const { name } of TABLES) {
    if (names(from, name) !== names(to, name))
      throw refused(`The table ${name} has other columns in the source (${names(from, name)}) than in the target (${names(to, name)}).`)
  }
}

async function copyTables(options: MoveOptions, target: MoveEnd, onRows: (rows: number) => void): Promise<MoveProgress> {
  await using source = await openEnd(options.from, 'snapshot')
  await requireSameColumns(source, target)
  let progress = await begin(target, options)
  for (const table of TABLES) {
    const before = progress.tables[table.name]
    let checksum = before?.copied ?? NO_ROWS
    for await (const { columns, rows, last } of readTable(source, table, before?.after ?? null)) {
      checksum = addRows(checksum, rows)
      const next = { ...progress, tables: { ...progress.tables, [table.name]: { copied: checksum, after: last } } }
      await target
        .transaction(async () => {
          if (!(await updateProgress(target, progress, next)))
            throw refused('Another move writes to the same target. This one has stopped.')
          await target.insert(table.name, columns, rows)
        })
        .catch((error: unknown) => {
          throw error instanceof ConstraintBroken ? changed(options, error.message) : error
        })
      progress = next
      onRows(rows.length)
    }
  }
  return progress
}

interface Page {
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** The key of the last row. */
  readonly last: Row
}

/** By primary key, page by page. How an engine sorts keys does not matter, as it also compares them. */
async function* readTable(end: MoveEnd, { name, key }: (typeof TABLES)[number], after: Row | null): AsyncGenerator<Page> {
  const columns = ((await end.schema()).get(name) ?? []).map((column) => column.name)
  const keyAt = key.map((part) => columns.indexOf(part))
  const [keys, marks] = [key.join(', '), key.map(() => '?').join(', ')]
  let last = after
  for (;;) {
    const where = last === null ? '' : ` where (${keys}) > (${marks})`
    const sql = `select ${columns.join(', ')} from ${end.nameOf(name)}${where} order by ${keys} limit ${BATCH_ROWS}`
    const rows = await end.query(sql, last ?? [])
    const lastRow = rows.at(-1)
    if (!lastRow) return
    last = keyAt.map((index) => lastRow[index] ?? null)
    yield { columns, last, rows: name === 'service_state' ? rows.filter((row) => row[keyAt[0] ?? 0] !== MOVE_KEY) : rows }
    if (rows.length < BATCH_ROWS) return
    // SQLite answers without a turn of the event loop; signals and the progress bar need one.
    await turn()
  }
}

async function verify(options: MoveOptions, copied: MoveProgress, onRows: (rows: number) => void): Promise<MovedTable[]> {
  await using source = await openEnd(options.from, 'snapshot')
  await using target = await openEnd(options.to, 'snapshot')
  const moved: MovedTable[] = []
  for (const table of TABLES) {
    const [there, here] = await Promise.all([sumOf(source, table, onRows), sumOf(target, table, onRows)])
    const expected = copied.tables[table.name]?.copied ?? NO_ROWS
    if (!isSame(there, expected)) throw changed(options, `${table.name}: ${expected.rows} rows then, ${there.rows} now`)
    if (!isSame(here, expected)) {
      throw new Unequal(
        `${options.to.name} does not hold what was copied (${table.name}: ${expected.rows} rows copied, ${here.rows} found). ` +
          'Something else writes to it: stop that, then run the same command again. It begins anew.',
      )
    }
    moved.push({ name: table.name, rows: here.rows, checksum: checksumText(here) })
  }
  return moved
}

async function sumOf(end: MoveEnd, table: (typeof TABLES)[number], onRows: (rows: number) => void): Promise<Checksum> {
  let checksum = NO_ROWS
  for await (const { rows } of readTable(end, table, null)) {
    checksum = addRows(checksum, rows)
    onRows(rows.length)
  }
  return checksum
}

function isSame(a: Checksum, b: Checksum): boolean {
  return a.rows === b.rows && a.sum === b.sum
}

/** The target stays closed to services, and the next run begins anew. */
async function giveUp(target: MoveEnd): Promise<void> {
  await target.transaction(async () => {
    const progress = await readProgress(target)
    if (progress) await updateProgress(target, progress, { ...progress, failed: true })
  })
}

function changed({ from, to }: MoveOptions, found: string) {
  return new Unequal(
    `${from.name} changed while it was being moved (${found}). A service still runs on it, or ran meanwhile. ` +
      `Stop the service, then run the same command again: it begins anew. Until then no service can open ${to.name}.`,
  )
}
