import { Command } from 'commander'
import { OPERATOR } from '../audit/audit-event.ts'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { endSession, endSessionsOfUser, listSessions } from '../sessions/session.ts'
import { print, printJson, printTable, requireUser, safe, withDeps } from './output.ts'

export function sessionsCommand(configOf: () => Config): Command {
  const sessions = new Command('sessions').description("list or end a user's sessions")
  sessions
    .command('list <address-or-id>')
    .description("a user's live sessions, newest first")
    .option('--json', 'as JSON')
    .exitOverride()
    .action((who: string, options: { json?: boolean }) => withDeps(configOf(), (deps) => list(deps, who, options), { readOnly: true }))
  sessions
    .command('end <address-or-id> [session-id]')
    .description("end one of a user's sessions, or all of them; in force at the very next request")
    .exitOverride()
    .action((who: string, sessionId: string | undefined) =>
      withDeps(configOf(), async (deps) => {
        const user = await requireUser(deps, who)
        if (sessionId !== undefined) await endSession(deps, { userId: user.id, id: sessionId }, OPERATOR)
        const ended = sessionId === undefined ? await endSessionsOfUser(deps, { userId: user.id }, OPERATOR) : 1
        print(`Ended ${ended} session${ended === 1 ? '' : 's'} of ${safe(user.email)}.`)
      }),
    )
  return sessions
}

async function list(deps: Deps, who: string, options: { json?: boolean }): Promise<void> {
  const user = await requireUser(deps, who)
  const rows = await listSessions(deps, user.id)
  if (options.json) {
    return printJson(
      rows.map((row) => ({
        id: row.id,
        created_at: row.createdAt.toISOString(),
        last_seen_at: row.lastSeenAt.toISOString(),
        expires_at: row.expiresAt.toISOString(),
        user_agent: row.userAgent,
        address: row.address,
      })),
    )
  }
  printTable(
    ['ID', 'CREATED', 'LAST SEEN', 'ADDRESS', 'USER AGENT'],
    rows.map((row) => [row.id, row.createdAt.toISOString(), row.lastSeenAt.toISOString(), row.address ?? '-', row.userAgent ?? '-']),
  )
}
