import { parentPort, workerData } from 'node:worker_threads'
import { isUnavailable, openConnection } from './sqlite-connection.ts'

/**
 * The thread that writes. `node:sqlite` is synchronous: a commit's fsync, or a wait for another process's lock,
 * would otherwise stop every request. Statements arrive and are answered in order.
 */
export interface WorkerRequest {
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** A statement without parameters or rows that goes first: `begin`. */
  readonly before: string | undefined
}
export type WorkerAnswer =
  | { readonly rows: Record<string, unknown>[]; readonly changes: number }
  | { readonly error: string; readonly unavailable: boolean }

const port = parentPort
if (!port) throw new Error('sqlite-worker.ts runs as a worker thread')

const { path, busyMilliseconds } = workerData as { path: string; busyMilliseconds: number }
const connection = openConnection(path, { readOnly: false, busyMilliseconds })

port.on('message', (request: WorkerRequest | 'close') => {
  if (request === 'close') {
    connection.close()
    port.close()
    return
  }
  port.postMessage(answer(request))
})

function answer({ sql, parameters, before }: WorkerRequest): WorkerAnswer {
  try {
    return connection.run(sql, parameters, before)
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), unavailable: isUnavailable(error) }
  }
}
