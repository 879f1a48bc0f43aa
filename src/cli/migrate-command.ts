import { Command } from 'commander'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { print, printJson } from './output.ts'

/** `bienvenue migrate`: what every start does, by itself, for those who want it as a step of their own. */
export function migrateCommand(configOf: () => Config): Command {
  return new Command('migrate')
    .description('create or update the database; every start does it too')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const database = await openDatabase(configOf().database)
      try {
        const applied = await migrate(database, systemClock)
        if (options.json) printJson({ applied })
        else print(applied.length === 0 ? 'The database is up to date.' : applied.map((name) => `applied ${name}`).join('\n'))
      } finally {
        await database.close()
      }
    })
}
