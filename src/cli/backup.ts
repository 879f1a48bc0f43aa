import { Command } from 'commander'
export function backupCommand(_: unknown): Command {
  return new Command('backup')
}
