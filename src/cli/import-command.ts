import { closeSync, openSync, writeSync } from 'node:fs'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type ImportSummary, importClassic, type RowReport } from '../import-classic/classic-import.ts'
import { openClassicSource } from '../import-classic/classic-source.ts'
import { jsonText } from '../json-text.ts'
import { databaseExists, print, printJson, safe, withDeps } from './output.ts'

interface Options {
  readonly dryRun?: boolean
  readonly report?: string
  readonly json?: boolean
}

export function importCommand(configOf: () => Config): Command {
  const command = new Command('import').description('take users over from elsewhere')
  command
    .command('classic <file>')
    .description("take over the users of the course project's own database (a SQLite file)")
    .option('--dry-run', 'write nothing, report the same')
    .option('--report <file>', 'what became of every row, as JSON lines')
    .option('--json', 'the summary and the named rows as JSON')
    .exitOverride()
    .action((file: string, options: Options) => importFile(configOf(), file, options))
  return command
}

async function importFile(config: Config, file: string, options: Options): Promise<void> {
  using source = openClassicSource(file)
  const report = options.report === undefined ? null : openReport(options.report)
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {value}/{total} rows | {eta_formatted} left',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  const showBar = process.stderr.isTTY
  const listed: RowReport[] = []
  let done = 0
  if (showBar) bar.start(source.count, 0)
  // A dry run against a database that is not there yet is judged against an empty one, and makes none.
  const target: Config = options.dryRun && !databaseExists(config) ? { ...config, database: { engine: 'sqlite', path: null } } : config
  const work = async (deps: Deps) => {
    const summary = await importClassic(deps, source, {
      dryRun: options.dryRun === true,
      onRow(row) {
        done++
        if (showBar && done % 500 === 0) bar.update(done)
        report?.write(row)
        if (row.reason !== null) listed.push(row)
      },
    })
    bar.stop()
    if (options.json) printJson({ dry_run: options.dryRun === true, ...summary, named: listed })
    else printSummary(summary, listed, options)
  }
  await withDeps(target, work, { create: true }).finally(() => {
    bar.stop()
    report?.close()
  })
}

function printSummary(summary: ImportSummary, listed: readonly RowReport[], options: Options): void {
  for (const { id, email, outcome, reason } of listed)
    print(`row ${id}  ${shortened(email)}  ${outcome === 'rejected' ? 'rejected' : 'imported'}: ${reason}`)
  if (listed.length > 0) print()
  const verb = options.dryRun ? 'would be imported' : 'imported'
  print(
    `${summary.rows} rows: ${summary.imported + summary.imported_without_password} ${verb}` +
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
    // It names people: for its owner only.
    descriptor = openSync(path, 'w', 0o600)
  } catch (error) {
    throw new AuthError(
      'file_refused',
      { sentence: `The report cannot be written to ${path}: ${(error as Error).message}` },
      { cause: error },
    )
  }
  let lines = ''
  const flush = () => {
    writeSync(descriptor, lines)
    lines = ''
  }
  return {
    write(row: RowReport) {
      lines += `${jsonText(row)}\n`
      if (lines.length > 65_536) flush()
    },
    close() {
      flush()
      closeSync(descriptor)
    },
  }
}
