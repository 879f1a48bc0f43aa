import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { Command } from 'commander'
import type { Config } from '../config.ts'
import { writeBackup } from '../db/backup.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { print, withDeps } from './output.ts'

export function backupCommand(configOf: () => Config): Command {
  return new Command('backup')
    .description('copy the database to a new file while the service runs; sessions and tokens are left out')
    .argument('<file>', 'a file that does not exist yet')
    .action((file: string) => withDeps(configOf(), (deps) => backup(deps, file), { readOnly: true }))
}

async function backup({ database }: Deps, file: string): Promise<void> {
  if (existsSync(file)) throw new AuthError('file_refused', { sentence: `${file} exists already; a backup never overwrites.` })
  if (!existsSync(dirname(file))) throw new AuthError('file_refused', { sentence: `The folder ${dirname(file)} does not exist.` })
  await writeBackup(database, file)
  print(`Written to ${file}, without sessions and tokens. Keep the secret (bienvenue.secret, or BIENVENUE_SECRET) apart from it.`)
}
