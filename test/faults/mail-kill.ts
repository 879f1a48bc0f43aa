import { setTimeout as delay } from 'node:timers/promises'
import { type ServiceProcess, startService } from '../service-process.ts'
import { startSmtpSink } from '../smtp-sink.ts'
import { TEST_SECRET } from '../test-app.ts'
import { makeLedger } from './ledger.ts'
import { waitUntil } from './load.ts'
import { type MailLedger, makeMailLedger, queueUntil } from './mail-ledger.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { SERVICE_WITH_CLOCK } from './service-under-test.ts'
import type { ClockMessage } from './service-with-clock.ts'
import { openStage } from './stage.ts'

/** src/mail/sender.ts: a mail that was on its way belongs to the dead process for so long. We let the time pass at once. */
const LEASE_MILLISECONDS = 90_000
/** src/mail/sender.ts: so many are on their way at the moment of the kill, and only those can arrive twice. */
const LANES = 4
/** The kill comes at a random moment within this time, counted from the round's first mail that arrives. */
const RANDOM_MILLISECONDS = 200

export const mailKill: Scenario = {
  number: 8,
  title: 'kill -9 while mails are queued and sent',
  engines: ['sqlite', 'postgres'],
  async run({ engine, postgres, short, progress }) {
    const rounds = short ? 2 : 40
    await using stage = await openStage(engine, postgres)
    await using sink = await startSmtpSink({ tls: 'none' })
    // Long enough that there are always some on their way.
    sink.behaviour.delayMilliseconds = 30
    const env = { ...stage.env, SMTP_URL: sink.url, BIENVENUE_SECRET: TEST_SECRET }
    const start = () => startService(stage.folder, env, SERVICE_WITH_CLOCK)
    let service: ServiceProcess = await start()
    const ledger = makeLedger(service.url, { mayBreak: true })
    const mails = makeMailLedger(ledger, stage, sink)
    let passed = 0
    try {
      for (let round = 1; round <= rounds; round++) {
        const before = sink.mails.length
        const arriving = waitUntil(() => sink.mails.length > before, 'mails arrive')
        await queueUntil(
          service,
          mails,
          arriving.then(() => delay(Math.random() * RANDOM_MILLISECONDS)),
        )
        await service.stop('SIGKILL')
        service = await start()
        passed += LEASE_MILLISECONDS
        await service.tell({ jump: passed } satisfies ClockMessage)
        progress(`round ${round} of ${rounds}, ${mails.queued()} queued, ${sink.mails.length} arrived`)
      }
      await mails.settle()
    } finally {
      await service.stop('SIGKILL')
      ledger.client.close()
    }
    for (const damage of await stage.damage()) ledger.blame(damage)
    return reportOf(ledger, { kills: rounds, ...judge(mails, rounds, ledger) })
  },
}

function judge(mails: MailLedger, kills: number, ledger: Parameters<typeof makeMailLedger>[0]) {
  const most = kills * LANES
  if (mails.duplicates() > most) ledger.blame(`${mails.duplicates()} mails arrived twice, and at most ${most} were on their way`)
  return mails.figures(`at most ${most} possible`)
}
