import { Command } from 'commander'
export function migrateCommand(_: unknown): Command {
  return new Command('migrate-command')
}
