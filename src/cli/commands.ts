import { Command, CommanderError } from 'commander'
import { type Environment, parseConfig } from '../config.ts'
import { nearest } from '../nearest.ts'
import { VERSION } from '../version.ts'
import { auditCommand } from './audit-command.ts'
import { backupCommand } from './backup.ts'
import { configCommand } from './config-command.ts'
import { exportCommand } from './export-command.ts'
import { importCommand } from './import-command.ts'
import { mailCommand } from './mail-command.ts'
import { migrateCommand } from './migrate-command.ts'
import { moveCommand } from './move-command.ts'
import { restoredCommand } from './restored-command.ts'
import { secretCommand } from './secret-command.ts'
import { serve } from './serve.ts'
import { sessionsCommand } from './sessions-command.ts'
import { usersCommand } from './users-command.ts'

/** Read the arguments and run the command they name. @returns the exit code; refusals are thrown */
export async function runCommand(args: readonly string[], env: Environment): Promise<number> {
  const program = new Command('bienvenue')
    .description('User authentication service')
    .version(VERSION)
    .showHelpAfterError('(add --help for the whole list)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nSettings come from the environment; `bienvenue config` shows them.\nExit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 nothing found.',
    )
  program
    .command('serve', { isDefault: true })
    .description('run the service (the default)')
    .action(() => serve(parseConfig(env, { toStart: true })))
  const configOf = () => parseConfig(env)
  for (const command of [
    configCommand(env),
    migrateCommand(configOf),
    usersCommand(configOf),
    sessionsCommand(configOf),
    mailCommand(configOf),
    importCommand(configOf),
    exportCommand(configOf),
    moveCommand(env),
    backupCommand(configOf),
    restoredCommand(configOf),
    secretCommand(env),
    auditCommand(configOf),
  ]) {
    program.addCommand(command.exitOverride())
  }
  const [word] = args
  const names = program.commands.map((command) => command.name())
  if (word !== undefined && !word.startsWith('-') && word !== 'help' && !names.includes(word)) {
    console.error(`There is no command ${JSON.stringify(word)}; did you mean ${nearest(word, names)}? See: bienvenue --help`)
    return 2
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has printed its own message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}
