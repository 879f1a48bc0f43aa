import { Command } from 'commander'
import { OPERATOR } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
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
        const ended = await endRestored(deps.database, (tx, { table, rows }) => {
          const name = table === 'sessions' ? 'session_ended' : 'authn_token_revoked'
          const event = { name, outcome: 'success', subject: null, reason: 'restored', detail: `${table}=${rows}` } as const
          return recordEvent(deps, tx, { ...OPERATOR, ...event })
        })
        if (options.json) printJson({ ended: Object.fromEntries(ended.map(({ table, rows }) => [table, rows])) })
        else print(`Ended ${listOf(ended)}. Everybody logs in anew.`)
      })
    })
}

async function ask({ database }: Deps, config: Config): Promise<void> {
  const found = await countRestored(database)
  await confirm(`This ends ${listOf(found)} of ${describeDatabase(config.database)}.`, false)
}

/** `3 sessions and 1 reset token`: of what is there. */
function listOf(counts: readonly EndedRows[]): string {
  const present = counts.filter(({ rows }) => rows > 0)
  if (present.length === 0) return 'nothing: there are no sessions, tokens or mails'
  const words = present.map(({ table, rows }) => {
    const noun = table.replaceAll('_', ' ')
    return `${rows} ${rows === 1 ? noun.replace(/s$/, '') : noun}`
  })
  return words.join(', ').replace(/, ([^,]*)$/, ' and $1')
}
