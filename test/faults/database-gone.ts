import { setTimeout as delay } from 'node:timers/promises'
import { startPostgres } from '../postgres-server.ts'
import { startService } from '../service-process.ts'
import { type Ledger, makeLedger } from './ledger.ts'
import { seed, startLoad, waitUntil } from './load.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { openStage } from './stage.ts'
import { verify } from './verify.ts'

const CLIENTS = 8
/** Good answers before, between and after the faults. */
const CALM_MILLISECONDS = 700

export const databaseGone: Scenario = {
  number: 2,
  title: 'PostgreSQL killed, hanging, shut down',
  engines: ['postgres'],
  async run({ engine, short, progress }) {
    const kills = short ? 1 : 5
    const goneMilliseconds = short ? 3_000 : 30_000
    // Of its own: it is killed. What it acknowledges must be on the disk.
    await using postgres = await startPostgres({ fsync: true })
    const wake = () => postgres.signal('SIGCONT')
    await using stage = await openStage(engine, postgres)
    await using service = await startService(stage.folder, stage.env)
    const ledger = makeLedger(service.url)
    await seed(ledger, CLIENTS)
    await using load = startLoad(ledger, { clients: CLIENTS, pauseMilliseconds: 5 })
    const figures: Record<string, string | number> = {}

    /** A fault, and how long after its end the next good answer came. */
    async function through(name: string, fault: () => Promise<void>): Promise<void> {
      progress(name)
      await delay(CALM_MILLISECONDS)
      ledger.tally.slowestMilliseconds = 0
      const refusedBefore = ledger.tally.refused
      await fault()
      const endedAt = performance.now()
      const { acknowledged } = ledger.tally
      await waitUntil(
        () => ledger.tally.acknowledged > acknowledged,
        `writes after it was ${name}; the service ${service.died() ?? 'runs'}`,
      )
      const recovery = Math.round(performance.now() - endedAt)
      await delay(CALM_MILLISECONDS)
      figures[name] =
        `${ledger.tally.refused - refusedBefore} refused, slowest answer ${seconds(ledger)}, writes again after ${recovery} ms`
    }
    try {
      for (let kill = 1; kill <= kills; kill++) {
        await through(kills === 1 ? 'killed' : `killed (${kill})`, async () => {
          postgres.signal('SIGKILL')
          await delay(short ? 300 : 1_000)
          await postgres.start()
        })
      }
      await through(`hanging for ${goneMilliseconds / 1_000} s`, async () => {
        // A stopped process outlives a run that is interrupted.
        process.once('exit', wake)
        postgres.signal('SIGSTOP')
        await delay(goneMilliseconds)
        wake()
        process.off('exit', wake)
      })
      await through(`shut down for ${goneMilliseconds / 1_000} s`, async () => {
        await postgres.stop()
        await delay(goneMilliseconds)
        await postgres.start()
      })
      await load.stop()
      progress('checking')
      await verify(ledger, stage, { logins: true })
    } finally {
      ledger.client.close()
    }
    return reportOf(ledger, { ...figures, users: ledger.users.length })
  },
}

function seconds({ tally }: Ledger): string {
  return `${(tally.slowestMilliseconds / 1_000).toFixed(1)} s`
}
