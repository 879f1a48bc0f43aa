import { Command } from 'commander'
export function usersCommand(_: unknown): Command {
  return new Command('users-command')
}
