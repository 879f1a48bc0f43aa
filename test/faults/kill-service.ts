import { setTimeout as delay } from 'node:timers/promises'
import { startService } from '../service-process.ts'
import { makeLedger } from './ledger.ts'
import { seed, startLoad, waitUntil } from './load.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { openStage } from './stage.ts'
import { verify } from './verify.ts'

const CLIENTS = 8
/** Every round has something to lose; the kill comes at a random moment within the time after that. */
const LEAST_ACKNOWLEDGED = 20
const RANDOM_MILLISECONDS = 150

export const killService: Scenario = {
  number: 1,
  title: 'kill -9 of the service',
  engines: ['sqlite', 'postgres'],
  async run({ engine, postgres, short, progress }) {
    const rounds = short ? 4 : 200
    await using stage = await openStage(engine, postgres)
    // An end in good order keeps the compiled code (src/main.ts), so that the starts after each kill are quick.
    await (await startService(stage.folder, stage.env)).stop()
    let service = await startService(stage.folder, stage.env)
    const ledger = makeLedger(service.url, { mayBreak: true })
    let slowestStart = 0
    try {
      await seed(ledger, CLIENTS)
      for (let round = 1; round <= rounds; round++) {
        const before = ledger.tally.acknowledged
        await using load = startLoad(ledger, { clients: CLIENTS, pauseMilliseconds: 0 })
        await waitUntil(() => ledger.tally.acknowledged >= before + LEAST_ACKNOWLEDGED, 'writes are acknowledged')
        await delay(Math.random() * RANDOM_MILLISECONDS)
        await service.stop('SIGKILL')
        await load.stop()
        const startedAt = performance.now()
        service = await startService(stage.folder, stage.env)
        slowestStart = Math.max(slowestStart, performance.now() - startedAt)
        ledger.client.goTo(service.url)
        await verify(ledger, stage, { logins: false })
        progress(`round ${round} of ${rounds}, ${ledger.tally.acknowledged} acknowledged, ${ledger.tally.lost} lost`)
      }
      await verify(ledger, stage, { logins: true })
    } finally {
      await service.stop('SIGKILL')
      ledger.client.close()
    }
    for (const damage of await stage.damage()) ledger.blame(damage)
    const { unanswered } = ledger.tally
    return reportOf(ledger, {
      kills: rounds,
      'cut off': unanswered,
      users: ledger.users.length,
      'slowest start': `${Math.round(slowestStart)} ms`,
    })
  },
}
