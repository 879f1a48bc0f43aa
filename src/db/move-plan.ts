import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { AuthError } from '../errors.ts'
import type { DatabaseLocation } from './database.ts'
import { migrations } from './migrations/index.ts'
import type { Access, MoveEnd } from './move-end.ts'
import { readProgress, rowsCopied } from './move-progress.ts'
import type { Value } from './row-checksum.ts'
import { MOVE_KEY } from './service-state.ts'
import { TABLES } from './table-list.ts'

export interface Place {
  readonly location: DatabaseLocation
  /** For people, and to know an unfinished move by: without a password. */
  readonly name: string
}

export interface MoveOptions {
  readonly from: Place
  readonly to: Place
  /** Delete what the target holds first. */
  readonly emptyTarget: boolean
}

export interface TableCount {
  readonly name: string
  readonly rows: number
}

export interface MovePlan {
  readonly tables: readonly TableCount[]
  /** What the target holds and loses. */
  readonly deleted: readonly TableCount[]
  /** Rows that an interrupted run of the same move has copied; `null`: it begins. */
  readonly copiedBefore: number | null
  /** The posture of the service that used the source last. */
  readonly posture: string | null
}

/**
 * Look at both ends and change nothing.
 *
 * @throws AuthError `file_refused`, `database_refused` - with what stands in the way, and what to do about it
 */
export async function planMove(options: MoveOptions): Promise<MovePlan> {
  const { from, to } = options
  await using source = await openEnd(from, 'snapshot')
  await requireMovable(source, options)
  await using target = isThere(to) ? await openEnd(to, 'snapshot') : null
  if (target?.identity === source.identity) throw refused(`${from.name} and ${to.name} are the same database.`)
  if (target && !target.isWritable) throw refused(`${to.name} cannot be written to: ${REASONS[to.location.engine]}.`)
  const found = target ? await readTarget(target, options) : NEW_TARGET
  const state = await source.query(`select value from ${source.nameOf('service_state')} where key = 'posture'`)
  return { ...found, tables: await countRows(source), posture: state[0] ? String(state[0][0]) : null }
}

const REASONS = {
  sqlite: 'the file is read-only',
  postgres: 'its user must have the privilege CREATE on the database, and the server must not be a read-only replica',
} as const

/** @throws AuthError `file_refused`, `database_refused` */
export async function openEnd({ location, name }: Place, access: Access): Promise<MoveEnd> {
  try {
    if (location.engine === 'postgres') return await (await import('./move-end-postgres.ts')).openPostgresEnd(location, access)
    return (await import('./move-end-sqlite.ts')).openSqliteEnd(location.path ?? '', access)
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    throw new AuthError('database_refused', { sentence: `${name} cannot be used. ${error.message}` }, { cause: error })
  }
}

function isThere({ location, name }: Place): boolean {
  if (location.engine === 'postgres' || existsSync(location.path ?? '')) return true
  const folder = dirname(location.path ?? '')
  if (!existsSync(folder)) throw new AuthError('file_refused', { sentence: `${name} cannot be made: the folder ${folder} does not exist.` })
  return false
}

async function requireMovable(source: MoveEnd, { from, to }: MoveOptions): Promise<void> {
  const tables = await source.schema()
  if (!tables.has('bienvenue_migrations')) throw refused(`${from.name} is no database of Bienvenue.`)
  await requireSameMigrations(source, from)
  if (await readProgress(source)) throw refused(`A move into ${from.name} is not finished: finish that one first.`)
  if (from.location.engine === 'sqlite' && to.location.engine === 'postgres') await refuseNul(source)
}

/** The source is never migrated, and rows of another schema would not fit. */
export async function requireSameMigrations(end: MoveEnd, { name }: Place): Promise<void> {
  const rows = await end.query(`select name from ${end.nameOf('bienvenue_migrations')} where name <> 'lock'`)
  const applied = new Set(rows.map(([migration]) => String(migration)))
  const known = migrations.map((migration) => migration.name)
  const missing = known.filter((migration) => !applied.has(migration))
  const unknown = [...applied].filter((migration) => !known.includes(migration))
  if (unknown.length > 0) throw refused(`${name} was migrated by a newer version (${unknown.join(', ')}). Run the move with that version.`)
  if (missing.length > 0) {
    throw refused(
      `${name} is not migrated to this version (${missing.join(', ')} missing). Run "bienvenue migrate" with DATABASE_URL set to it, then the move again.`,
    )
  }
}

/** PostgreSQL's text holds every character but U+0000 (PostgreSQL, 8.3 "Character Types"). */
async function refuseNul(source: MoveEnd): Promise<void> {
  const schema = await source.schema()
  for (const { name, key } of TABLES) {
    for (const column of (schema.get(name) ?? []).filter(({ isText }) => isText)) {
      const sql = `select ${key.join(', ')} from ${name} where instr(cast(${column.name} as blob), x'00') > 0 limit 1`
      const [row] = await source.query(sql)
      if (!row) continue
      const where = key.map((part, index) => `${part} = ${shown(row[index] ?? null)}`).join(' and ')
      throw refused(
        `PostgreSQL cannot hold the character U+0000, and it is in ${name}.${column.name} where ${where}. Nothing was moved. Change that value, then run the move again.`,
      )
    }
  }
}

function shown(value: Value): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

type TargetFound = Pick<MovePlan, 'deleted' | 'copiedBefore'>
const NEW_TARGET: TargetFound = { deleted: [], copiedBefore: null }

async function readTarget(target: MoveEnd, { from, to, emptyTarget }: MoveOptions): Promise<TargetFound> {
  const tables = await target.schema()
  if (tables.size === 0) return NEW_TARGET
  if (!tables.has('bienvenue_migrations')) {
    throw refused(`${to.name} holds tables that are not Bienvenue's (${[...tables.keys()].slice(0, 5).join(', ')}). It was not touched.`)
  }
  if (!TABLES.every(({ name }) => tables.has(name))) return NEW_TARGET
  const progress = await readProgress(target)
  if (progress?.from === from.name && !progress.failed) return { deleted: [], copiedBefore: rowsCopied(progress) }
  if (progress && progress.from !== from.name && !emptyTarget) {
    throw refused(
      `A move from ${progress.from} into ${to.name} is not finished. Finish it, or say --empty-target to begin anew with this one.`,
    )
  }
  const left = (await onlyStarted(target)) ? [...LEFT_BY_A_START, 'audit_events'] : LEFT_BY_A_START
  const deleted = (await countRows(target)).filter(({ name, rows }) => rows > 0 && !left.includes(name))
  if (deleted.length > 0 && !emptyTarget && !progress) {
    const list = deleted.map(({ name, rows }) => `${name}: ${rows}`).join(', ')
    throw refused(`${to.name} is not empty (${list}). Choose another target, or say --empty-target to delete all of that first.`)
  }
  return { deleted, copiedBefore: null }
}

/** What a service writes that was started and has seen nobody yet: it is deleted without a word. */
const LEFT_BY_A_START: readonly string[] = ['service_state', 'audit_state', 'mail_requests', 'throttles', 'sprayed_accounts']

/** Its log says nothing but that a service started there: nobody misses it. */
async function onlyStarted(target: MoveEnd): Promise<boolean> {
  const [other] = await target.query(`select id from ${target.nameOf('audit_events')} where name <> 'sys_startup' limit 1`)
  return other === undefined
}

async function countRows(end: MoveEnd): Promise<TableCount[]> {
  const counts: TableCount[] = []
  for (const { name } of TABLES) {
    const except = name === 'service_state' ? ` where key <> '${MOVE_KEY}'` : ''
    const [row] = await end.query(`select count(*) from ${end.nameOf(name)}${except}`)
    counts.push({ name, rows: Number(row?.[0]) })
  }
  return counts
}

export function refused(sentence: string): AuthError {
  return new AuthError('database_refused', { sentence })
}
