import { createWriteStream, existsSync, rmSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { exportUsers } from '../import/export.ts'
import { print, withDeps } from './output.ts'

export function exportCommand(configOf: () => Config): Command {
  const command = new Command('export').description('write users out for elsewhere')
  command
    .command('users [file]')
    .description('write every user as JSON lines, with their password hashes, to a new file (mode 0600) or to standard output')
    .addHelpText(
      'after',
      '\nPassword hashes are in it: whoever has the file can try passwords as fast as they like. Keep it as you keep the database.' +
        '\n`bienvenue import users` reads it. Ids are made anew there; `bienvenue move` keeps them.',
    )
    .exitOverride()
    .action((file: string | undefined) =>
      withDeps(configOf(), (deps) => (file === undefined ? exportToOutput(deps) : exportToFile(deps, file)), { readOnly: true }),
    )
  return command
}

async function exportToFile(deps: Deps, file: string): Promise<void> {
  if (existsSync(file)) throw new AuthError('file_refused', { sentence: `${file} exists already; an export never overwrites.` })
  // "wx" looks and creates in one step; the file is its owner's alone.
  const target = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  const users = await writeUsers(deps, target).catch((error: NodeJS.ErrnoException) => {
    // Half an export is none, and nobody shall take it for one. A file that was there before is not ours.
    if (!target.pending) rmSync(file, { force: true })
    if (error.code === undefined || error instanceof AuthError) throw error
    throw new AuthError('file_refused', { sentence: `${file} cannot be written: ${error.message}` }, { cause: error })
  })
  print(`${users} users written to ${file}, with their password hashes.`)
}

async function exportToOutput(deps: Deps): Promise<void> {
  await writeUsers(deps, process.stdout).catch((error: NodeJS.ErrnoException) => {
    // Whoever read it has read enough: `| head`.
    if (error.code !== 'EPIPE') throw error
  })
}

/** @returns how many were written */
async function writeUsers(deps: Deps, target: NodeJS.WritableStream): Promise<number> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage}% | {users} users', stream: process.stderr, clearOnComplete: true, hideCursor: true })
    : null
  let users = 0
  async function* texts() {
    for await (const page of exportUsers(deps)) {
      users += page.users
      bar?.update(page.done, { users })
      yield page.text
    }
  }
  bar?.start(1, 0, { users })
  try {
    await pipeline(Readable.from(texts()), target, { end: target !== process.stdout })
  } finally {
    bar?.stop()
  }
  return users
}
