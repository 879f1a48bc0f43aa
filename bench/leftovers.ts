import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PostgresServer } from '../test/postgres-server.ts'

/** A run that is interrupted ends by `process.exit` (process.ts), past every `finally`; gigabytes must not stay behind it. */
export function removeAtExit(folder: string): void {
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
}

/** The same for a server: it ends at once, and its data goes. After its own end nothing is left to do. */
export function endAtExit({ dataFolder }: PostgresServer): void {
  process.once('exit', () => {
    const pidFile = join(dataFolder, 'postmaster.pid')
    // The first line is the process; QUIT is PostgreSQL's immediate shutdown.
    if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGQUIT')
    rmSync(dirname(dataFolder), { recursive: true, force: true, maxRetries: 10 })
  })
}
