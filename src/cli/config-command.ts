import { Command } from 'commander'
export function configCommand(_: unknown): Command {
  return new Command('config-command')
}
