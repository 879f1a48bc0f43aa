import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { type Clock, systemClock } from '../clock.ts'
import { type Config, describeDatabase } from '../config.ts'
import { isNew } from '../db/is-new.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { openClassicSource } from '../import/classic-source.ts'
import { type ImportSummary, importUsers, type RowReport, type Source } from '../import/import.ts'
import { openUsersFile } from '../import/users-file.ts'
import { jsonText } from '../json-text.ts'
import { print, printJson, safe, withDeps } from './output.ts'

interface Options {
  readonly dryRun?: boolean
  readonly report?: string
  readonly json?: boolean
}

/** So many rows are named at the end; beyond that nobody reads them on a screen, and memory stays flat. The report has all. */
const NAMED_MAX = 1_000

export function importCommand(configOf: () => Config): Command {
  const command = new Command('import').description('take users over from elsewhere')
  const from = (name: string, description: string, open: (file: string, clock: Clock) => Source) =>
    command
      .command(`${name} <file>`)
      .description(description)
      .option('--dry-run', 'write nothing, report the same')
      .option('--report <file>', 'what became of every row, as JSON lines')
      .option('--json', 'the summary and the named rows as JSON')
      .exitOverride()
      .action(async (file: string, options: Options) => {
        using source = open(file, systemClock)
        await importFrom(configOf(), source, options)
      })
  from('classic', "take over the users of the course project's own database (a SQLite file)", openClassicSource)
  from('users', 'take over users from JSON lines (docs/moving-in.md says how to make them); - reads standard input', openUsersFile)
  return command
}

async function importFrom(config: Config, source: Source, options: Options): Promise<void> {
  // A dry run against a database that is not there yet is judged against an empty one, and makes none.
  const place = { location: config.database, name: describeDatabase(config.database) }
  const onEmpty = options.dryRun === true && (await isNew(place))
  const target: Config = onEmpty ? { ...config, database: { engine: 'sqlite', path: null } } : config
  const report = options.report === undefined ? null : openReport(options.report)
  const bar = startBar(source)
  const named: RowReport[] = []
  const rows = { done: 0, unnamed: 0 }
  const work = async (deps: Deps) => {
    const summary = await importUsers(deps, source, {
      dryRun: options.dryRun === true,
      onRow(row) {
        rows.done++
        if (rows.done % 500 === 0) bar?.update(source.position(), { rows: rows.done })
        report?.write(viewOf(source, row))
        if (row.reason === null) return
        if (named.length < NAMED_MAX) named.push(row)
        else rows.unnamed++
      },
    })
    bar?.stop()
    if (options.json) {
      const views = named.map((row) => viewOf(source, row))
      printJson({ dry_run: options.dryRun === true, ...summary, named: views, ...(rows.unnamed > 0 && { not_named: rows.unnamed }) })
    } else printSummary(source, { summary, named, unnamed: rows.unnamed }, options)
  }
  try {
    await withDeps(target, work, { create: true, readOnly: options.dryRun === true && !onEmpty })
  } catch (error) {
    // It got nowhere, and the same command can be said again.
    if (report && rows.done === 0) rmSync(options.report ?? '', { force: true })
    throw error
  } finally {
    bar?.stop()
    report?.close()
  }
}

/** `null` where nobody looks at one. Standard input has no end to count towards. */
function startBar({ size, unit }: Source): SingleBar | null {
  if (!process.stderr.isTTY) return null
  const format = size === null ? `{rows} ${unit}s` : `{bar} {percentage}% | {rows} ${unit}s | {eta_formatted} left`
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true })
  bar.start(size ?? 0, 0, { rows: 0 })
  return bar
}

/** As scripts see it. A classic row is known by its id, a line by its number. */
function viewOf({ unit }: Source, { number, email, outcome, field, reason }: RowReport) {
  return { [unit === 'row' ? 'id' : 'line']: number, email, outcome, field, reason }
}

interface Result {
  readonly summary: ImportSummary
  readonly named: readonly RowReport[]
  readonly unnamed: number
}

function printSummary({ unit }: Source, { summary, named, unnamed }: Result, options: Options): void {
  for (const { number, email, outcome, reason } of named)
    print(`${unit} ${number}  ${shortened(email)}  ${outcome === 'rejected' ? 'rejected' : 'imported'}: ${safe(reason ?? '')}`)
  if (unnamed > 0) print(`… and ${unnamed} more; --report FILE writes them all.`)
  if (named.length > 0) print()
  const verb = options.dryRun ? 'would be imported' : 'imported'
  print(
    `${summary.rows} ${unit}s: ${summary.imported + summary.imported_without_password} ${verb}` +
      ` (${summary.imported_without_password} without a password), ${summary.already_imported} there already, ${summary.rejected} rejected.`,
  )
  print('Session ids and reset tokens are never imported; old passwords go on working.')
}

function shortened(email: string): string {
  const text = safe(email)
  return text === '' ? '(empty)' : text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function openReport(path: string) {
  let descriptor: number
  try {
    // It names people: for its owner only. Never in the place of another file, which may be the very one that is imported.
    descriptor = openSync(path, 'wx', 0o600)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const sentence =
      code === 'EEXIST' ? `${path} exists already; a report never overwrites.` : `The report cannot be written to ${path}: ${message}`
    throw new AuthError('file_refused', { sentence }, { cause: error })
  }
  let lines = ''
  const flush = () => {
    writeSync(descriptor, lines)
    lines = ''
  }
  return {
    write(row: object) {
      lines += `${jsonText(row)}\n`
      if (lines.length > 65_536) flush()
    },
    close() {
      flush()
      closeSync(descriptor)
    },
  }
}
