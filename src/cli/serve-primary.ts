import cluster, { type Worker } from 'node:cluster'
import type { Config } from '../config.ts'
import { type Log, makeLog } from '../log.ts'
import { listenForMetrics } from '../metrics/metrics-listener.ts'
import { makeWorkerMetrics } from '../metrics/worker-metrics.ts'
import { announce, checkService, withRealPort } from './announce.ts'
import { openChannel } from './process-messages.ts'
import { restartDelay, SETTLED_MILLISECONDS } from './restart-delay.ts'
import { stopOnSignals } from './signals.ts'
import { stopWorker } from './stop-worker.ts'

/** A worker that gives no metrics within this time is left out: one that hangs must not hide what the others say. */
const METRICS_MILLISECONDS = 1_000

/**
 * The first process of several: it serves nothing itself, but starts the workers, replaces those that die, hands on signals, and sums metrics
 * (docs/adr/0012-workers.md).
 */
export async function servePrimary(config: Config): Promise<void> {
  const log = makeLog(config.logLevel)
  // Each worker accepts by itself. Were connections dealt out from here, one that is on its way to a worker that dies would hang for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const team = makeTeam(log)
  stopOnSignals(log, () => team.stop())
  try {
    // The first one alone: what keeps a service from starting is said once, and one process migrates.
    const settled = withRealPort(config, await team.add())
    await checkService(settled)
    await Promise.all(Array.from({ length: config.workers - 1 }, () => team.add()))
    const metrics = config.metrics ? await listenForMetrics(config.metrics, team.metricsText, log) : null
    announce(settled, metrics?.url ?? null, log)
  } catch (error) {
    await team.stop()
    throw error
  }
}

function makeTeam(log: Log) {
  const members = new Set<Worker>()
  const metrics = makeWorkerMetrics(log)
  let port: number | null = null
  let stopping = false
  let leaving: Promise<unknown> = Promise.resolve()

  /** SQLite's log is put away by whoever closes the file last, and of two that close it at the same moment neither is the last. */
  function turn(worker: Worker): Promise<unknown> {
    const before = leaving
    leaving = before.then(() => new Promise((resolve) => worker.once('exit', resolve)))
    return before
  }

  /** Start a worker, and another one when it dies. */
  function keep(onReady: (port: number) => void, quickDeaths: number): void {
    if (stopping) return
    const worker = cluster.fork()
    const startedAt = performance.now()
    const ready = (bound: number) => {
      log.info({ event: 'worker_started', worker: worker.id, pid: worker.process.pid })
      // PORT=0, and for a moment there was no worker that held the port.
      if (port !== null && port !== bound) throw new Error(`The workers have moved from port ${port} to ${bound}`)
      port = bound
      metrics.add(worker.id, () => channel.askMetrics(METRICS_MILLISECONDS))
      onReady(bound)
    }
    const channel = openChannel(worker, { metrics: metrics.text, turn: () => turn(worker), ready })
    members.add(worker)
    worker.once('exit', (code, signal) => {
      members.delete(worker)
      metrics.ended(worker.id, { died: !stopping })
      if (stopping) return
      // Nothing has ever served: the worker has said why.
      if (port === null) process.exit(code ?? 1)
      log.error({ event: 'worker_died', worker: worker.id, pid: worker.process.pid, exit_code: code, signal })
      const again = performance.now() - startedAt < SETTLED_MILLISECONDS ? quickDeaths + 1 : 0
      setTimeout(keep, restartDelay(again), onReady, again)
    })
  }

  return {
    metricsText: metrics.text,
    /** One worker more. @returns its port, when it serves */
    add: () => new Promise<number>((resolve) => keep(resolve, 0)),
    /** @returns the worst exit code */
    async stop(): Promise<number> {
      stopping = true
      return Math.max(0, ...(await Promise.all([...members].map((worker) => stopWorker(worker.process)))))
    },
  }
}
