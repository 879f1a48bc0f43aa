import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import type { Deliver, Outcome } from './deliver.ts'
import { openBody } from './mail.ts'
import { claimMail, endMail, expireMails, findDueMails, keepMails, type MailRow, postponeMail } from './mail-store.ts'
import type { MessageKind } from './message.ts'
import { backoff } from './retry.ts'

/** Mails that one process sends at once: a mail server takes few connections of one client. */
const LANES = 4
const BATCH = 50
/** One attempt, whatever the server does. */
const ATTEMPT_MILLISECONDS = 30_000
/** Three attempts' time: nobody takes up a mail whose attempt may still be under way. */
const LEASE_MILLISECONDS = 90_000
/** A mail that is put off waits 5 s, then doubling up to an hour; one that met no server, which is no fault of its own, up to five minutes. */
const MAX_BACKOFF_MILLISECONDS = 3_600_000
const MAX_BACKOFF_DOWN_MILLISECONDS = 300_000
/** A server that is down is asked again after 5 s, then doubling up to a minute, by one mail of each process. */
const MAX_PAUSE_MILLISECONDS = 60_000
/** A mark that could not be written is tried again every second while the lease lasts: a delivered mail without it is delivered again. */
const MARK_ATTEMPTS = 60
const MARK_WAIT_MILLISECONDS = 1_000
const MAX_ANSWER = 200

/** What became of mails in this process. */
export interface MailCounts {
  sent: number
  failed: number
  expired: number
  postponed: number
}

export interface Sender {
  readonly counts: Readonly<MailCounts>
  /** Send what is due, a few at a time. @returns how many mails that concerned */
  sendDue(stop: Stop): Promise<number>
}

/** `asked`: begin nothing more; `now`: break off what is under way. */
export interface Stop {
  readonly asked: AbortSignal
  readonly now: AbortSignal
}

type SenderDeps = Pick<Deps, 'config' | 'database' | 'clock' | 'random' | 'keys' | 'log'>

/** @param deliver `null`: classic keeps its mails for `/dev/mailbox`, hardened lets them wait */
export function makeSender(deps: SenderDeps, deliver: Deliver | null): Sender {
  const { config, database, clock, random, log } = deps
  const counts: MailCounts = { sent: 0, failed: 0, expired: 0, postponed: 0 }
  let failuresOfServer = 0
  let pausedUntil = 0

  // A clock that was set back does not make the pause longer than it ever is.
  const isPaused = () => pausedUntil > clock.now() && pausedUntil <= clock.now() + MAX_PAUSE_MILLISECONDS

  async function sendDue(stop: Stop): Promise<number> {
    if (isPaused()) return 0
    const now = clock.now()
    const due = await findDueMails(database.reads, now, BATCH)
    if (due.length === 0) return 0
    if (deliver === null) return config.posture === 'classic' ? database.inTransaction((tx) => keepMails(tx, now)) : 0
    let done = due.some((mail) => mail.expires_at <= now) ? await giveUp(now) : 0
    const waiting = due.filter((mail) => mail.expires_at > now)
    const lane = async () => {
      for (let next = waiting.shift(); next && !stop.asked.aborted && !isPaused(); next = waiting.shift())
        if (await sendOne(deliver, next.id, stop)) done++
    }
    // A lane that failed does not leave the others running on their own.
    const ended = await Promise.allSettled(Array.from({ length: LANES }, lane))
    const failed = ended.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    return done
  }

  async function giveUp(now: number): Promise<number> {
    const expired = await database.inTransaction((tx) => expireMails(tx, now))
    for (const { id, kind, attempts } of expired) log.error({ event: 'mail_given_up', mail: id, kind, attempts })
    counts.expired += expired.length
    return expired.length
  }

  /** Claim, deliver, mark. A crash after the delivery and before the mark means a second delivery when the lease has ended: never none. */
  async function sendOne(send: Deliver, id: string, stop: Stop): Promise<boolean> {
    const leaseId = random.uuid()
    const now = clock.now()
    const row = await database.inTransaction((tx) => claimMail(tx, { id, leaseId, now, leaseUntil: now + LEASE_MILLISECONDS }))
    if (row === null) return false
    const body = openBody(deps, row)
    const mail = body && { ...body, id, kind: row.kind as MessageKind, createdAt: new Date(row.created_at) }
    const signal = AbortSignal.any([stop.now, AbortSignal.timeout(ATTEMPT_MILLISECONDS)])
    const outcome: Outcome = mail
      ? await send(mail, signal)
      : { result: 'refused', answer: 'its text cannot be read any more', smtpCode: 0 }
    noteServer(outcome)
    await mark(row, leaseId, outcome, stop)
    return true
  }

  function noteServer(outcome: Outcome): void {
    if (outcome.result !== 'not_now' || !outcome.serverDown) failuresOfServer = 0
    else if (!isPaused()) pausedUntil = clock.now() + backoff(random, ++failuresOfServer, MAX_PAUSE_MILLISECONDS)
  }

  async function mark(row: MailRow, leaseId: string, outcome: Outcome, stop: Stop): Promise<void> {
    const { id, kind, attempts } = row
    const what = { id, leaseId, answer: answerText(outcome.answer) }
    const line = { mail: id, kind, attempts, ...('smtpCode' in outcome && outcome.smtpCode ? { smtp_code: outcome.smtpCode } : {}) }
    if (outcome.result === 'sent') {
      await write((tx) => endMail(tx, { ...what, state: 'sent', sentAt: clock.now() }), stop)
      counts.sent++
      return log.info({ event: 'mail_sent', ...line })
    }
    if (outcome.result === 'refused') {
      await write((tx) => endMail(tx, { ...what, state: 'failed', sentAt: null }), stop)
      counts.failed++
      return log.error({ event: 'mail_failed', ...line })
    }
    const most = outcome.serverDown ? MAX_BACKOFF_DOWN_MILLISECONDS : MAX_BACKOFF_MILLISECONDS
    const dueAt = Math.min(clock.now() + backoff(random, attempts, most), row.expires_at)
    await write((tx) => postponeMail(tx, { ...what, dueAt }), stop)
    counts.postponed++
    log.warn({ event: 'mail_postponed', ...line, reason: outcome.reason })
  }

  async function write(work: (tx: Db) => Promise<boolean>, stop: Stop): Promise<void> {
    for (let left = MARK_ATTEMPTS; ; left--) {
      try {
        return void (await database.inTransaction(work))
      } catch (error) {
        if (left <= 1 || stop.asked.aborted) throw error
        await delay(MARK_WAIT_MILLISECONDS, undefined, { signal: stop.asked, ref: false }).catch(() => {})
      }
    }
  }

  return { counts, sendDue }
}

/** What a server said: one line, without the address that most of them repeat. */
function answerText(answer: string | null): string | null {
  if (answer === null) return null
  return answer
    .replaceAll(/[^\s<>"]+@[^\s<>"]+/g, '[address]')
    .replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
    .slice(0, MAX_ANSWER)
}
