import { Command } from 'commander'
import { type Config, describeDatabase } from '../config.ts'
import { countRestored, type EndedRows, endRestored } from '../db/backup.ts'
import type { Deps } from '../deps.ts'
import { confirm, print, printJson, withDeps } from './output.ts'

export function restoredCommand(configOf: () => Config): Command {
  return new Command('restored')
    .description('after a restore by other means than `backup`: end every session and token that the copy has brought back')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(async (options: { yes?: boolean; json?: boolean }) => {
      const config = configOf()
      if (!options.yes) await withDeps(config, (deps) => ask(deps, config), { readOnly: true })
      await withDeps(config, async (deps) => {
        const ended = await endRestored(deps.database)
        if (options.json) printJson({ ended: Object.fromEntries(ended.map(({ table, rows }) => [table, rows])) })
        else print(`Ended ${listOf(ended)}. Everybody logs in anew.`)
      })
    })
}

async function ask({ database }: Deps, config: Config): Promise<void> {
  const found = await countRestored(database)
  await confirm(`This ends ${listOf(found)} of ${describeDatabase(config.database)}.`, false)
}

/** `3 sessions and 1 reset token`. */
function listOf(counts: readonly EndedRows[]): string {
  const words = counts.map(({ table, rows }) => {
    const noun = table.replaceAll('_', ' ')
    return `${rows} ${rows === 1 ? noun.replace(/s$/, '') : noun}`
  })
  return words.join(', ').replace(/, ([^,]*)$/, ' and $1')
}
