import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { text as readAll } from 'node:stream/consumers'
import { makeSealer } from '../audit/sealer.ts'
import { type Config, describeDatabase } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { jsonText } from '../json-text.ts'
import { makeLog } from '../log.ts'
import { openDeps } from '../open-auth.ts'
import { findUserBy, type User } from '../users/user.ts'

/**
 * Run one command's work on the configured database, beside a service that may be running, and close it whatever happens.
 * A command that only reads says `readOnly`: then opening changes nothing either.
 */
export async function withDeps(
  config: Config,
  work: (deps: Deps) => Promise<void>,
  options: { readonly create?: boolean; readonly readOnly?: boolean } = {},
): Promise<void> {
  if (!options.create && !databaseExists(config)) {
    // A misspelt path would otherwise be answered by an empty database.
    throw new AuthError('file_refused', {
      sentence: `There is no database ${describeDatabase(config.database)}. Is DATABASE_URL right? (bienvenue migrate makes a new one.)`,
    })
  }
  // Standard output is the command's own; problems go to standard error.
  const log = makeLog('warn', { write: (line) => void process.stderr.write(line) })
  const deps = await openDeps(config, { log, readOnly: options.readOnly === true })
  try {
    await work(deps)
    // Where no service runs beside, nobody else puts this command's events into the chain.
    if (!options.readOnly) await makeSealer(deps).stop()
  } finally {
    await deps.database.close()
  }
}

function databaseExists({ database }: Config): boolean {
  return database.engine === 'postgres' || (database.path !== null && existsSync(database.path))
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(jsonText(value, 2))
}

/** Columns as wide as their widest cell; a head of `null` prints none. */
export function printTable(head: readonly string[] | null, rows: readonly (readonly string[])[]): void {
  const lines = head === null ? rows : [head, ...rows]
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((row) => safe(row[column] ?? '').length)))
  for (const row of lines) {
    const cells = row.map((cell, column) => safe(cell).padEnd(widths[column] ?? 0))
    print(cells.join('  ').trimEnd())
  }
}

/** Nothing that a user typed reaches the terminal as a control code. */
export function safe(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?')
}

/** A user by address or by id, as people have either at hand. */
export async function requireUser(deps: Deps, addressOrId: string): Promise<User> {
  try {
    return await findUserBy(deps, addressOrId.includes('@') ? { email: addressOrId } : { id: addressOrId })
  } catch (error) {
    if (!(error instanceof AuthError) || error.code !== 'user_not_found') throw error
    throw new AuthError('user_not_found', { sentence: `No user has the address or id ${safe(addressOrId)}.` })
  }
}

/** Ask before what cannot be undone; a script says --yes. */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY)
    throw new AuthError('configuration_invalid', { sentence: `${question} Say --yes to go on without being asked.` })
  const prompt = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await prompt.question(`${question} Type yes to go on: `)
  prompt.close()
  if (answer.trim() !== 'yes') throw new AuthError('configuration_invalid', { sentence: 'Nothing was changed.' })
}

/** The first line of standard input, without its line end. */
export async function readPassword(): Promise<string> {
  const input = await readAll(process.stdin)
  return input.replace(/\r?\n[\s\S]*$/, '')
}
