import type { Config } from '../config.ts'
import { toNodeHandler } from '../http/node-handler.ts'
import { makeLog } from '../log.ts'
import { listenForMetrics } from '../metrics/metrics-listener.ts'
import { openAuth } from '../open-auth.ts'
import { listen } from '../server.ts'
import { announce, checkService, withRealPort } from './announce.ts'
import { openChannel, type ProcessChannel } from './process-messages.ts'
import { stopOnSignals } from './signals.ts'

/** One process that serves: the whole service, or the worker of this number. */
export async function serveProcess(config: Config, worker?: number): Promise<void> {
  const log = makeLog(config.logLevel, undefined, worker)
  const listener = await listen(config)
  const settled = withRealPort(config, listener.port)
  /** In this order: what is in flight needs the database. */
  const closers = [() => listener.close()]
  const close = async () => {
    for (const closer of closers) await closer()
    return 0
  }
  try {
    let primary: ProcessChannel | null = null
    const auth = await openAuth(settled, {
      form: 'service',
      log,
      // What one worker has counted is a part; the primary has the sum.
      ...(worker !== undefined && { metricsText: async () => String(await primary?.askMetrics()) }),
    })
    if (worker !== undefined) closers.push(async () => primary?.askTurn())
    closers.push(() => auth.close())
    if (worker !== undefined) primary = openChannel(process, { metrics: auth.metrics.json })
    listener.handleWith(toNodeHandler(auth))
    stopOnSignals(log, close)
    if (primary) return primary.sayReady(listener.port)
    const metrics = config.metrics && (await listenForMetrics(config.metrics, auth.metrics.text, log))
    if (metrics) closers.push(() => metrics.close())
    await checkService(settled)
    announce(settled, metrics?.url ?? null, log)
  } catch (error) {
    await close()
    throw error
  }
}
