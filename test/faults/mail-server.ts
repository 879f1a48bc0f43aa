import { setTimeout as delay } from 'node:timers/promises'
import { startService } from '../service-process.ts'
import { startSmtpSink } from '../smtp-sink.ts'
import { TEST_SECRET } from '../test-app.ts'
import { makeLedger } from './ledger.ts'
import { waitUntil } from './load.ts'
import { makeMailLedger, queueMails } from './mail-ledger.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { SERVICE_WITH_CLOCK } from './service-under-test.ts'
import type { ClockMessage } from './service-with-clock.ts'
import { openStage } from './stage.ts'

const REFUSED = 'refused@example.com'
/** Longer than every wait between attempts that these few failures can lead to. */
const PATIENCE_MILLISECONDS = 300_000

export const mailServer: Scenario = {
  number: 9,
  title: 'the mail server is down, slow, busy, or refuses one recipient',
  engines: ['sqlite', 'postgres'],
  async run({ engine, postgres, short, progress }) {
    const count = short ? 10 : 200
    const outage = short ? 1_200 : 20_000
    await using stage = await openStage(engine, postgres)
    await using sink = await startSmtpSink({ tls: 'none' })
    const env = { ...stage.env, BIENVENUE_LOG_LEVEL: 'silent', SMTP_URL: sink.url, BIENVENUE_SECRET: TEST_SECRET }
    await using service = await startService(stage.folder, env, SERVICE_WITH_CLOCK)
    const ledger = makeLedger(service.url)
    const mails = makeMailLedger(ledger, stage, sink)
    const wait = () => service.tell({ jump: PATIENCE_MILLISECONDS } satisfies ClockMessage)

    progress('refuses one recipient')
    sink.behaviour.refused.add(REFUSED)
    await queueMails(service, mails, count, REFUSED)
    await mails.settle()

    progress('slow')
    sink.behaviour.delayMilliseconds = short ? 300 : 3_000
    await queueMails(service, mails, count / 10)
    await mails.settle()
    sink.behaviour.delayMilliseconds = 0

    progress('busy')
    sink.behaviour.busy = true
    await queueMails(service, mails, count)
    await delay(outage)
    sink.behaviour.busy = false
    await wait()
    await mails.settle()

    progress('down')
    const before = sink.connections()
    sink.behaviour.down = true
    await queueMails(service, mails, count)
    await waitUntil(() => sink.connections() > before, 'the server is asked')
    await delay(outage)
    const asked = sink.connections() - before
    // Four lanes, and in twenty seconds three more tries of one or of four.
    if (asked > 16) ledger.blame(`a server that is down was asked ${asked} times`)
    sink.behaviour.down = false
    await wait()
    await mails.settle()
    ledger.client.close()
    if (mails.duplicates() > 0) ledger.blame(`${mails.duplicates()} mails arrived twice, and nobody was killed`)
    return reportOf(ledger, { ...mails.figures('none possible'), 'asked while down': asked })
  },
}
