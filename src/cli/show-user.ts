import type { LoggedEvent } from '../audit/audit-event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { MailView } from '../mail/mail.ts'
import { listSessions } from '../sessions/session.ts'
import { print, printJson, printTable, requireUser } from './output.ts'
import { type Verdict, verdictOf, verdictOfAddress } from './user-verdict.ts'
import { viewOf } from './user-view.ts'

/** `bienvenue users show`: a user, and why they can or cannot log in. */
export async function showUser(deps: Deps, who: string, options: { readonly json?: boolean }): Promise<void> {
  const user = await requireUser(deps, who).catch(async (error: unknown) => {
    const isUnknown = error instanceof AuthError && error.code === 'user_not_found'
    const pending = isUnknown ? await verdictOfAddress(deps, who) : null
    if (pending === null) throw error
    return pending
  })
  if ('state' in user) return options.json ? printJson({ email: user.email, ...viewOfVerdict(user) }) : printVerdict(user)
  const [sessions, verdict] = await Promise.all([listSessions(deps, user.id), verdictOf(deps, user)])
  if (options.json)
    return printJson({ ...viewOf(user), factors: verdict.factors, live_sessions: sessions.length, ...viewOfVerdict(verdict) })
  printTable(null, [
    ...Object.entries(viewOf(user)).map(([key, value]) => [
      key,
      value === null ? '-' : typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
    ['factors', verdict.factors.join(', ') || '-'],
    ['live_sessions', String(sessions.length)],
  ])
  printVerdict(verdict)
}

function printVerdict({ state, sentences, mails, refusals }: Verdict): void {
  print(`\nCan they log in? ${state === 'ok' ? 'Yes' : `No: ${state}`}`)
  for (const sentence of sentences) print(`  ${sentence}`)
  if (mails.length > 0) {
    print('\nLast mails')
    printTable(null, mails.map(mailRow))
  }
  if (refusals.length > 0) {
    print('\nLast refusals')
    printTable(null, refusals.map(refusalRow))
  }
}

function mailRow(mail: MailView): string[] {
  return [`  ${minute(mail.createdAt)}`, mail.kind, mail.state, mail.attempts > 1 ? `${mail.attempts} attempts` : '', mail.lastAnswer ?? '']
}

function refusalRow(event: LoggedEvent): string[] {
  return [`  ${minute(event.at)}`, event.name, event.reason ?? '', event.address ?? '']
}

function minute(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ')
}

function viewOfVerdict({ state, sentences, throttles, mails, refusals }: Verdict) {
  return {
    verdict: state,
    reasons: state === 'ok' ? [] : sentences,
    throttles: throttles.map((one) => ({
      authenticator: one.authenticator,
      from: one.from,
      failures: one.failures,
      blocked_until: one.blockedUntil?.toISOString() ?? null,
      disabled: one.disabled,
    })),
    mails: mails.map((one) => ({
      kind: one.kind,
      state: one.state,
      attempts: one.attempts,
      created_at: one.createdAt.toISOString(),
      last_answer: one.lastAnswer,
    })),
    refusals: refusals.map((one) => ({ at: one.at.toISOString(), event: one.name, reason: one.reason, address: one.address })),
  }
}
