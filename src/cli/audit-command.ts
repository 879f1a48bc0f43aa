import { existsSync, readFileSync } from 'node:fs'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { exportEvents, listEvents } from '../audit/audit.ts'
import { AUDIT_EVENTS, type AuditEventName, type LoggedEvent, OPERATOR } from '../audit/audit-event.ts'
import { readHeads, type SignedHead } from '../audit/event-seal.ts'
import { recordEvent } from '../audit/record.ts'
import { type Verdict, verifyAudit } from '../audit/verify.ts'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { jsonText } from '../json-text.ts'
import { nearest } from '../nearest.ts'
import { print, printJson, printTable, requireUser, withDeps } from './output.ts'

interface ListOptions {
  readonly user?: string
  readonly event?: AuditEventName
  readonly since?: Date
  readonly limit: number
  readonly json?: boolean
}

export function auditCommand(configOf: () => Config): Command {
  const audit = new Command('audit').description('see, export and verify what happened')
  const command = (name: string, description: string) => audit.command(name).description(description).exitOverride()
  command('list', 'events, newest first; that you looked is an event too')
    .option('--user <address-or-id>', 'of this user; the id also of one who was deleted')
    .option('--event <name>', 'of this name', readName)
    .option('--since <when>', 'from then on: 2026-01-31, 2026-01-31T12:00:00Z, or 24h, 7d ago')
    .option('--limit <n>', 'at most so many', readLimit, 50)
    .option('--json', 'one JSON object a line')
    .action((options: Omit<ListOptions, 'since'> & { since?: string }) => withDeps(configOf(), (deps) => list(deps, options)))
  command('export', 'all events, oldest first, as JSON lines on standard output, and a signed head of the chain as the last line')
    .option('--since <when>', 'from then on: 2026-01-31, 2026-01-31T12:00:00Z, or 24h, 7d ago')
    .action((options: { since?: string }) => withDeps(configOf(), (deps) => writeExport(deps, options)))
  command('verify', 'find events that were altered, removed, moved or inserted; it changes nothing')
    .option('--head <file-or-json>', 'heads that were kept elsewhere: a log, an export, or one as JSON; with them a cut tail is found')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit code 0: intact. 1: something is wrong, or cannot be checked.')
    .action((options: { head?: string; json?: boolean }) => withDeps(configOf(), (deps) => verify(deps, options), { readOnly: true }))
  return audit
}

async function list(deps: Deps, { user, since, ...options }: Omit<ListOptions, 'since'> & { since?: string }): Promise<void> {
  const { event, limit } = options
  const subject = user === undefined ? null : await idOf(deps, user)
  const from = since === undefined ? null : readInstant(since, deps.clock.now())
  await recordRead(deps, 'list', subject)
  const filter = { ...(subject !== null && { subject }), ...(event && { name: event }), ...(from && { since: from }) }
  const events = await listEvents(deps, { ...filter, limit })
  if (options.json) for (const one of events) print(jsonText(viewOfEvent(one)))
  else printTable(['TIME', 'EVENT', 'OUTCOME', 'BY', 'USER', 'FROM', 'WHY'], events.map(rowOf))
}

/** A deleted user's events are found by the id that is left of them. */
async function idOf(deps: Deps, user: string): Promise<string> {
  return user.includes('@') ? (await requireUser(deps, user)).id : user
}

/** CHECKLIST R232: before anything is shown; what cannot be recorded is not read. */
async function recordRead(deps: Deps, reason: 'list' | 'export', subject: string | null): Promise<void> {
  await deps.database.inTransaction((tx) => recordEvent(deps, tx, { ...OPERATOR, name: 'audit_read', outcome: 'success', subject, reason }))
}

function rowOf(event: LoggedEvent): string[] {
  const why = [event.reason, event.detail].filter((text) => text !== null).join(' ')
  const by = event.actor === `user:${event.subject}` ? 'user' : event.actor
  return [event.at.toISOString(), event.name, event.outcome, by, event.subject ?? '-', event.address ?? '-', why]
}

function viewOfEvent(event: LoggedEvent) {
  return {
    id: event.id,
    at: event.at.toISOString(),
    event: event.name,
    outcome: event.outcome,
    actor: event.actor,
    subject: event.subject,
    session_id: event.session,
    address: event.address,
    user_agent: event.userAgent,
    request_id: event.requestId,
    factors: event.factors,
    reason: event.reason,
    detail: event.detail,
    seq: event.seq,
  }
}

async function writeExport(deps: Deps, { since }: { since?: string }): Promise<void> {
  const from = since === undefined ? null : readInstant(since, deps.clock.now())
  await recordRead(deps, 'export', null)
  for await (const { events, head } of exportEvents(deps, from)) {
    const lines = [...events.map(viewOfEvent), ...(head ? [{ event: 'audit_head', ...head }] : [])]
    const text = lines.map((line) => `${jsonText(line)}\n`).join('')
    // As fast as it is read, so that memory stays flat.
    if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
}

async function verify(deps: Deps, options: { head?: string; json?: boolean }): Promise<void> {
  const heads = options.head === undefined ? [] : headsFrom(options.head)
  const startedAt = performance.now()
  const verdict = await withBar((onRows) => verifyAudit(deps, { heads, onRows }))
  const seconds = (performance.now() - startedAt) / 1_000
  if (options.json) printJson({ ...verdict, heads: heads.length, seconds: Number(seconds.toFixed(3)) })
  else printVerdict(verdict, heads.length, seconds)
  if (!verdict.intact) throw new AuthError('database_refused', { sentence: 'The audit log is not intact.' })
}

/** @throws AuthError `file_refused`, `configuration_invalid` */
function headsFrom(text: string): SignedHead[] {
  const isJson = text.trimStart().startsWith('{')
  if (!isJson && !existsSync(text)) throw new AuthError('file_refused', { sentence: `There is no file ${text}.` })
  const heads = readHeads(isJson ? text : readFileSync(text, 'utf8'))
  if (heads.length === 0)
    throw new AuthError('configuration_invalid', {
      sentence: '--head holds no head. It is a line of the log with "event":"audit_head", or the last line of an export.',
    })
  return heads
}

async function withBar<T>(work: (onRows: (done: number, total: number) => void) => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work(() => {})
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {value} events',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  bar.start(1, 0)
  try {
    return await work((done, total) => {
      bar.setTotal(total)
      bar.update(done)
    })
  } finally {
    bar.stop()
  }
}

function printVerdict(verdict: Verdict, heads: number, seconds: number): void {
  const rate = seconds > 0.5 ? ` (${Math.round(verdict.sealed / seconds).toLocaleString('en')} a second)` : ''
  print(`Read ${verdict.sealed} sealed events, numbers ${verdict.first} to ${verdict.last}, in ${seconds.toFixed(1)} s${rate}.`)
  print(`Not sealed yet: ${verdict.unsealed}. Heads from outside compared: ${heads}.`)
  if (heads === 0) print('Without a head from outside, a tail that was cut off with care is not found: --head takes the log or an export.')
  for (const { seq, id, problem } of verdict.findings)
    print(`  ${seq === null ? 'not sealed' : `number ${seq}`}${id === null ? '' : `, id ${id}`}: ${problem}`)
  const more = verdict.problems - verdict.findings.length
  if (more > 0) print(`  and ${more} more`)
  for (const version of verdict.missingKeyVersions)
    print(
      `  Events were written with version ${version} of the secret, which is not configured: they cannot be checked. Add it to BIENVENUE_SECRET.`,
    )
  if (verdict.intact) print('Intact.')
}

function readName(text: string): AuditEventName {
  const known = AUDIT_EVENTS.find((name) => name === text)
  if (!known)
    throw new AuthError('configuration_invalid', {
      sentence: `There is no event ${JSON.stringify(text)}; did you mean ${nearest(text, AUDIT_EVENTS)}?`,
    })
  return known
}

function readLimit(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1)
    throw new AuthError('configuration_invalid', { sentence: '--limit takes a whole number above 0.' })
  return limit
}

const UNITS = { m: 60, h: 3_600, d: 86_400 } as const

function readInstant(text: string, now: number): Date {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const at = count === undefined ? Date.parse(text) : now - Number(count) * UNITS[unit as keyof typeof UNITS] * 1_000
  if (!Number.isFinite(at) || at < 0)
    throw new AuthError('configuration_invalid', {
      sentence: '--since takes a date (2026-01-31, 2026-01-31T12:00:00Z) or an age (24h, 7d).',
    })
  return new Date(at)
}
