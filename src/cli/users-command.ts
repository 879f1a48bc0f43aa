import { Command } from 'commander'
import { eraseUser } from '../account/erase-user.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { recordEvent } from '../audit/record.ts'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { removeFactors } from '../factors/remove-factors.ts'
import { jsonText } from '../json-text.ts'
import { deferMail } from '../mail/mail.ts'
import { requestReset } from '../password-reset/password-reset.ts'
import { hashNewPassword } from '../passwords/password.ts'
import { clearThrottles } from '../throttles/throttle-admin.ts'
import { createUser, requireEmailAddress, type User } from '../users/user.ts'
import { disableUser, enableUser, listUsers } from '../users/user-admin.ts'
import { confirm, print, printJson, printTable, readPassword, requireUser, safe, withDeps } from './output.ts'
import { showUser } from './show-user.ts'
import { viewOf } from './user-view.ts'

/** Rows read at once while listing; memory stays flat however many users there are. */
const PAGE = 500

interface JsonOption {
  readonly json?: boolean
}

export function usersCommand(configOf: () => Config): Command {
  const users = new Command('users').description('list, show, add, disable, enable, unlock, reset or delete users, or remove their factors')
  const command = (nameAndArgs: string, description: string) => users.command(nameAndArgs).description(description).exitOverride()

  command('list', 'all users by address')
    .option('--limit <n>', 'at most so many', readLimit)
    .option('--after <address>', 'begin behind this address')
    .option('--json', 'one JSON object a line')
    .action((options: JsonOption & { limit?: number; after?: string }) =>
      withDeps(configOf(), (deps) => list(deps, options), { readOnly: true }),
    )
  command('show <address-or-id>', 'one user, and what stands in the way of their next login')
    .option('--json', 'as JSON')
    .action((who: string, options: JsonOption) => withDeps(configOf(), (deps) => showUser(deps, who, options), { readOnly: true }))
  command('add <address>', 'add a user; without a password they begin with `users reset-password`')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .option('--json', 'as JSON')
    .action((address: string, options: JsonOption & { passwordStdin?: boolean }) =>
      withDeps(configOf(), (deps) => add(deps, address, options), { create: true }),
    )
  command('disable <address-or-id>', 'refuse logins and end every session at once').action((who: string) =>
    withDeps(configOf(), async (deps) => {
      const user = await requireUser(deps, who)
      await disableUser(deps, user.id, OPERATOR)
      print(`${safe(user.email)} is disabled; every session has ended.`)
    }),
  )
  command('enable <address-or-id>', 'allow logins again').action((who: string) =>
    withDeps(configOf(), async (deps) => {
      const user = await requireUser(deps, who)
      await enableUser(deps, user.id, OPERATOR)
      print(`${safe(user.email)} is enabled.`)
    }),
  )
  command('unlock <address-or-id>', 'let the next attempts count from zero, also of a password that was tried too often').action(
    (who: string) =>
      withDeps(configOf(), async (deps) => {
        const user = await requireUser(deps, who)
        await clearThrottles(deps, user.id, OPERATOR)
        print(`${safe(user.email)} is unlocked; failed attempts count from zero again.`)
      }),
  )
  command(
    'remove-factors <address-or-id>',
    'remove authenticator app, passkeys and recovery codes, and forget known browsers, mailed codes and links',
  ).action((who: string) =>
    withDeps(configOf(), async (deps) => {
      const user = await requireUser(deps, who)
      await removeFactors(deps, user.id, OPERATOR)
      print(
        `Authenticator app, passkeys and recovery codes of ${safe(user.email)} are gone, known browsers are forgotten, and mailed codes and links are void. Sessions go on; to end them: bienvenue sessions end ${safe(user.email)}`,
      )
    }),
  )
  command('reset-password <address-or-id>', 'make a reset token, which supersedes an earlier one')
    .option('--json', 'as JSON')
    .action((who: string, options: JsonOption) => withDeps(configOf(), (deps) => resetPassword(deps, who, options)))
  command('delete <address-or-id>', 'erase a user with everything that belongs to them')
    .option('--yes', 'do not ask')
    .action((who: string, options: { yes?: boolean }) =>
      withDeps(configOf(), async (deps) => {
        const user = await requireUser(deps, who)
        await confirm(`This erases ${safe(user.email)} for good.`, options.yes)
        await eraseUser(deps, user, OPERATOR)
        print(`${safe(user.email)} is deleted.`)
      }),
    )
  return users
}

async function list(deps: Deps, options: JsonOption & { limit?: number; after?: string }): Promise<void> {
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let after = options.after?.toLowerCase() ?? null
  let first = true
  while (left > 0) {
    const page = await listUsers(deps, { after, limit: Math.min(PAGE, left) })
    if (options.json) for (const user of page) print(jsonText(viewOf(user)))
    else if (page.length > 0 || first) printTable(first ? HEAD : null, page.map(rowOf))
    first = false
    left -= page.length
    after = page.at(-1)?.canonical ?? null
    if (page.length < PAGE) return
  }
}

const HEAD = ['ADDRESS', 'ID', 'CREATED', 'STATE']

function rowOf(user: User): string[] {
  return [user.email, user.id, user.createdAt.toISOString().slice(0, 10), stateOf(user)]
}

function stateOf(user: User): string {
  if (user.disabled) return 'disabled'
  return user.hasPassword ? 'active' : 'no password'
}

async function add(deps: Deps, address: string, options: JsonOption & { passwordStdin?: boolean }): Promise<void> {
  const email = requireEmailAddress(address)
  const passwordHash = options.passwordStdin
    ? await hashNewPassword(deps, await readPassword(), { email: email.address, field: 'password' })
    : null
  const user = await createUser(deps, { email, passwordHash }, OPERATOR)
  if (options.json) return printJson(viewOf(user))
  print(`${safe(user.email)} is added with the id ${user.id}.`)
  if (passwordHash === null) print(`To let them choose a password: bienvenue users reset-password ${safe(user.email)}`)
}

async function resetPassword(deps: Deps, who: string, options: JsonOption): Promise<void> {
  const user = await requireUser(deps, who)
  if (deps.config.posture === 'hardened') return mailReset(deps, user, options)
  const token = await requestReset(deps, user.email, OPERATOR)
  const { origin, pathPrefix } = deps.config.publicUrl
  if (options.json) return printJson({ email: user.email, reset_token: token, expires_in_seconds: deps.config.resetTokenSeconds })
  print(`Good for ${deps.config.resetTokenSeconds / 60} minutes and one use:\n\n  ${token}\n\nTo use it:`)
  print(`  curl -X PUT -d 'email=${safe(user.email)}' -d 'reset_token=${token}' -d 'new_password=…' ${origin}${pathPrefix}/reset_password`)
}

/** CHECKLIST R248: in earnest nobody but the owner sees a token; it goes by mail. */
async function mailReset(deps: Deps, user: User, options: JsonOption): Promise<void> {
  await deps.database.inTransaction(async (tx) => {
    await deferMail(deps, tx, { kind: 'reset_password', subject: requireEmailAddress(user.email).canonical })
    await recordEvent(deps, tx, { ...OPERATOR, name: 'authn_token_created', outcome: 'success', subject: user.id, detail: 'reset' })
  })
  if (options.json) return printJson({ email: user.email, mailed: true })
  print(`The running service mails ${safe(user.email)} a link to choose a password: nobody else sees it.`)
}

function readLimit(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1)
    throw new AuthError('configuration_invalid', { sentence: '--limit takes a whole number above 0.' })
  return limit
}
