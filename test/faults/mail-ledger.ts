import { randomUUID } from 'node:crypto'
import type { ServiceProcess } from '../service-process.ts'
import type { SmtpSink } from '../smtp-sink.ts'
import type { Ledger } from './ledger.ts'
import { waitUntil } from './load.ts'
import type { ClockMessage } from './service-with-clock.ts'
import type { Stage } from './stage.ts'

/** Which mails were committed, and which arrived. Each goes to an address of its own. */
export interface MailLedger {
  /** A mail whose transaction was committed. */
  acknowledge(to: string): void
  queued(): number
  /** Wait until none is waiting, then compare: what was committed and did not arrive is lost. */
  settle(): Promise<void>
  /** Deliveries beyond the first of each mail. */
  duplicates(): number
  figures(bound: string): Record<string, string | number>
}

export function makeMailLedger(ledger: Ledger, stage: Stage, sink: SmtpSink): MailLedger {
  const committed: string[] = []
  const arrived = () => sink.mails.flatMap(({ recipients }) => recipients)
  const duplicates = () => sink.mails.length - new Set(arrived()).size
  return {
    acknowledge(to) {
      committed.push(to)
      ledger.acknowledge()
    },
    queued: () => committed.length,
    async settle() {
      let waiting = 1
      const ask = async () => {
        waiting = (await stage.rows("select id from TABLE:mails where state = 'waiting'")).length
      }
      await ask()
      const asking = setInterval(() => void ask().catch(() => {}), 50)
      await waitUntil(() => waiting === 0, 'every mail is sent or refused').finally(() => clearInterval(asking))
      const there = new Set(arrived())
      for (const to of committed) if (!there.has(to) && !sink.behaviour.refused.has(to)) ledger.lose(`a mail to ${to}`)
      const left = await stage.rows(
        "select state, attempts, due_at, expires_at from TABLE:mails where body is not null or state not in ('sent', 'failed')",
      )
      if (left.length > 0)
        ledger.blame(`${left.length} mails have neither been sent nor refused, or kept their text: ${JSON.stringify(left[0])}`)
      const failed = (await stage.rows("select id from TABLE:mails where state = 'failed'")).length
      if (failed !== sink.behaviour.refused.size) ledger.blame(`${failed} mails failed, and ${sink.behaviour.refused.size} were refused`)
    },
    duplicates,
    figures: (bound) => ({
      'mails committed': committed.length,
      arrived: sink.mails.length,
      'arrived twice': `${duplicates()} (${bound})`,
    }),
  }
}

/** More than arrive in a round, and so few that all arrive in the end. */
const MOST_QUEUED = 25

/** Queue one mail after the other in the service until that moment. The last one may have been committed or not. */
export async function queueUntil(service: ServiceProcess, mails: MailLedger, moment: Promise<unknown>): Promise<void> {
  const over = moment.then(() => false)
  for (let count = 0; count < MOST_QUEUED; count++) {
    const queue = `${randomUUID()}@example.com`
    const done = service.tell({ queue } satisfies ClockMessage).then(() => true)
    if (!(await Promise.race([done, over]))) return
    mails.acknowledge(queue)
  }
  await over
}

/** Queue so many in the service, and those to these addresses. */
export async function queueMails(service: ServiceProcess, mails: MailLedger, count: number, ...to: string[]): Promise<void> {
  for (const queue of [...Array.from({ length: count }, () => `${randomUUID()}@example.com`), ...to]) {
    await service.tell({ queue } satisfies ClockMessage)
    mails.acknowledge(queue)
  }
}
