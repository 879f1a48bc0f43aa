import { Command } from 'commander'
export function sessionsCommand(_: unknown): Command {
  return new Command('sessions-command')
}
