import { resolve } from 'node:path'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { type Config, describeDatabase, type Environment, isInMemory, parseConfig } from '../config.ts'
import { type MovedTable, move } from '../db/move.ts'
import { type MoveOptions, type MovePlan, type Place, planMove } from '../db/move-plan.ts'
import { AuthError } from '../errors.ts'
import { secretFileOf } from '../service-secret.ts'
import { confirm, print, printJson, printTable } from './output.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly emptyTarget?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function moveCommand(env: Environment): Command {
  return new Command('move')
    .description('copy everything, sessions included, to another database: from a file to PostgreSQL, back, or file to file')
    .requiredOption('--from <url>', 'where the data is: file:PATH or postgres://…; it is only read. Stop the service on it first')
    .requiredOption('--to <url>', 'where it goes: a new file, or a PostgreSQL database without users')
    .option('--empty-target', 'delete everything that the target holds first, its users too')
    .option('--yes', 'do not ask')
    .option('--json', 'plan and result as JSON; takes --yes')
    .addHelpText(
      'after',
      '\nInterrupted at any moment, the same command goes on where it stopped; until it is finished no service opens the target.\nA password that is not to be on the command line goes into PGPASSWORD or ~/.pgpass.',
    )
    .action((options: Options) => moveAll(env, options))
}

async function moveAll(env: Environment, given: Options): Promise<void> {
  if (given.json && !given.yes)
    throw new AuthError('configuration_invalid', { sentence: 'With --json nothing can be asked: say --yes too.' })
  const config = parseConfig(env)
  const [from, to] = [placeOf(env, '--from', given.from), placeOf(env, '--to', given.to)]
  const options: MoveOptions = { from, to, emptyTarget: given.emptyTarget === true }
  const plan = await planMove(options)
  if (!given.json) {
    printPlan(options, plan)
    await confirm(`This copies ${sumOf(plan.tables)} rows.`, given.yes)
  }
  const moved = await withBar(plan, (onRows) => move(options, systemClock, onRows))
  if (given.json) return printJson({ from: from.name, to: to.name, plan: planJson(plan), result: { tables: moved } })
  printResult(moved)
  print(`\n${nextStep(config, options, plan)}`)
}

/** The other settings count too: `BIENVENUE_PG_PREPARE` for a pooler, for one. */
function placeOf(env: Environment, option: string, url: string): Place {
  const { database } = parseConfig({ ...env, DATABASE_URL: url }, { nameOf: (name) => (name === 'DATABASE_URL' ? option : name) })
  if (isInMemory(database))
    throw new AuthError('configuration_invalid', { sentence: `${option} names a database in memory, which ends with its process.` })
  // In full, since the same file is known again by it from another folder.
  const name = database.engine === 'sqlite' ? resolve(database.path ?? '') : describeDatabase(database)
  return { location: database, name }
}

function printPlan({ from, to }: MoveOptions, plan: MovePlan): void {
  print(`From  ${from.name}`)
  print(`To    ${to.name}\n`)
  printTable(
    ['TABLE', 'ROWS'],
    plan.tables.map(({ name, rows }) => [name, String(rows)]),
  )
  if (plan.copiedBefore !== null) print(`\nAn earlier run of this move has copied ${plan.copiedBefore} rows; this one goes on from there.`)
  if (plan.deleted.length > 0)
    print(`\nDeleted from the target first: ${plan.deleted.map(({ name, rows }) => `${name} (${rows} rows)`).join(', ')}.`)
  print()
}

function planJson({ tables, deleted, copiedBefore }: MovePlan) {
  return { tables, deleted_from_target: deleted, rows_copied_before: copiedBefore ?? 0 }
}

/** Every row is copied once, and read once more on each side. */
async function withBar(plan: MovePlan, work: (onRows: (rows: number) => void) => Promise<MovedTable[]>): Promise<MovedTable[]> {
  if (!process.stderr.isTTY) return work(() => {})
  const rows = sumOf(plan.tables)
  let done = plan.copiedBefore ?? 0
  const stage = () => (done < rows ? 'copied' : 'verified')
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {stage} | {eta_formatted} left',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  bar.start(rows * 3, done, { stage: stage() })
  try {
    return await work((more) => {
      done += more
      bar.update(done, { stage: stage() })
    })
  } finally {
    bar.stop()
  }
}

function printResult(moved: readonly MovedTable[]): void {
  printTable(
    ['TABLE', 'ROWS', 'CHECKSUM OF BOTH SIDES'],
    moved.map(({ name, rows, checksum }) => [name, String(rows), checksum]),
  )
  print(`\nMoved and verified: ${sumOf(moved)} rows. The source is as it was.`)
}

/** What is still to do by hand: the secret belongs to the database, and in the classic posture it is a file. */
function nextStep(config: Config, { from, to }: MoveOptions, { posture }: MovePlan): string {
  const { location } = to
  const start = `Now start the service with DATABASE_URL ${location.engine === 'sqlite' ? `file:${location.path}` : 'as --to has it'}`
  if (posture === null) return `${start}.`
  if (posture === 'hardened' || config.secrets.root.length > 0) return `${start} and the same BIENVENUE_SECRET: everybody stays logged in.`
  const [was, is] = [resolve(secretFileOf(from.location)), resolve(secretFileOf(location))]
  const place = location.engine === 'postgres' ? 'the folder from which the service starts' : 'the folder of the database file'
  const secret = `The secret, ${was}, must lie in ${place}`
  return was === is
    ? `${start}: everybody stays logged in.\n${secret}.`
    : `${secret}:\n  cp -p ${was} ${is}\n${start}: everybody stays logged in.`
}

function sumOf(tables: readonly { readonly rows: number }[]): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0)
}
