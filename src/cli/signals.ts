import type { Log } from '../log.ts'

/** End by `stop` on SIGTERM and SIGINT, with the exit code that it gives; and at once on a bug that nobody caught. */
export function stopOnSignals(log: Log, stop: () => Promise<number>): void {
  let stopping = false
  const end = async (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ event: 'stopping', signal })
    const code = await stop()
    log.flush()
    process.exit(code)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal))
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    // Nothing half-open goes on: log, and let the supervisor start afresh (CHECKLIST R279).
    process.on(event, (error) => {
      log.error({ event, err: error })
      process.exit(1)
    })
  }
}
