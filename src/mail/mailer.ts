import type { Deps } from '../deps.ts'
import { deliverByFunction, deliverBySmtp, type SendMail } from './deliver.ts'
import { type MailResolvers, makeRequestResolver } from './mail-requests.ts'
import { type MailCounts, makeSender } from './sender.ts'

/** A mail leaves within a second of the commit that queued it. */
const POLL_MILLISECONDS = 500
/** The database is away; whoever waits for it need not ask twice a second. */
const AFTER_FAILURE_MILLISECONDS = 2_000
/** What is under way at a stop gets so long; then its connection is broken off, and its mail goes later, perhaps a second time. */
const STOP_MILLISECONDS = 5_000

export interface Mailer {
  readonly counts: Readonly<MailCounts>
  /** Begin to look for work by itself, twice a second. */
  start(): void
  /** Do what is due until nothing is: for tests, which start no loop. */
  runDue(): Promise<void>
  /** Begin nothing more, and wait for what is under way. */
  stop(): Promise<void>
}

interface MailerParts {
  readonly resolvers?: MailResolvers
  /** Takes SMTP's place. */
  readonly sendMail?: SendMail
}

/**
 * Every process has one, and all work on the same two tables: requests are resolved into mails, mails are sent. Each round reads first, so that
 * without mail nothing is written.
 */
export function makeMailer(
  deps: Pick<Deps, 'config' | 'database' | 'clock' | 'random' | 'keys' | 'log'>,
  { resolvers = {}, sendMail }: MailerParts = {},
): Mailer {
  const { config, log } = deps
  const { smtp, from } = config.mail
  const deliver = sendMail ? deliverByFunction(sendMail) : smtp ? deliverBySmtp(config, smtp, from) : null
  const resolveDue = makeRequestResolver(deps, resolvers)
  const sender = makeSender(deps, deliver)
  const asked = new AbortController()
  const now = new AbortController()
  const stop = { asked: asked.signal, now: now.signal }
  let round: Promise<number> = Promise.resolve(0)
  let timer: NodeJS.Timeout | undefined
  let failing = false

  /** One after the other, whoever asks. @returns how much there was to do */
  function nextRound(): Promise<number> {
    const work = async () => (asked.signal.aborted ? 0 : (await resolveDue(asked.signal)) + (await sender.sendDue(stop)))
    round = round.catch(() => 0).then(work)
    return round
  }

  async function loop(): Promise<void> {
    let wait = POLL_MILLISECONDS
    try {
      await nextRound()
      failing = false
    } catch (error) {
      // Once, not twice a second for as long as the database is away.
      if (!failing) log.warn({ event: 'mail_round_failed', err: error })
      failing = true
      wait = AFTER_FAILURE_MILLISECONDS
    }
    if (!asked.signal.aborted) timer = setTimeout(loop, wait).unref()
  }

  return {
    counts: sender.counts,
    start() {
      timer = setTimeout(loop, POLL_MILLISECONDS).unref()
    },
    async runDue() {
      while ((await nextRound()) > 0);
    },
    async stop() {
      asked.abort()
      clearTimeout(timer)
      const breakOff = setTimeout(() => now.abort(), STOP_MILLISECONDS)
      await round.catch(() => 0)
      clearTimeout(breakOff)
    },
  }
}
