import type { ChildProcess } from 'node:child_process'

/** What is in flight gets ten seconds (server.ts), and closing the database its time; whoever is still there then will not end by itself. */
const STOP_MILLISECONDS = 12_000

/** Stop a worker as a service on its own is stopped; by force when it does not. @returns its exit code */
export function stopWorker(worker: ChildProcess, deadlineMilliseconds = STOP_MILLISECONDS): Promise<number> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => worker.kill('SIGKILL'), deadlineMilliseconds)
    worker.once('exit', (code, signal) => {
      clearTimeout(deadline)
      // Before it can stop cleanly, the signal ends it: nothing was begun.
      resolve(code ?? (signal === 'SIGTERM' ? 0 : 1))
    })
    worker.kill('SIGTERM')
  })
}
