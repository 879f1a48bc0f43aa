/**
 * Run as a process of its own: the service with a clock that runs as many times faster as the first argument says, and that messages move.
 * Everything else is what src/cli/serve.ts puts together.
 */
import { sql } from 'kysely'
import type { Clock } from '../../src/clock.ts'
import { parseConfig } from '../../src/config.ts'
import { toNodeHandler } from '../../src/http/node-handler.ts'
import { queueMail } from '../../src/mail/mail.ts'
import { openAuth } from '../../src/open-auth.ts'
import { listen } from '../../src/server.ts'

export interface ClockMessage {
  /** The clock jumps by so many milliseconds. */
  readonly jump?: number
  /** SQLite's file may grow, or not: a full disk where none can be mounted. */
  readonly growth?: 'on' | 'off'
  /** A mail to this address, in a transaction of its own; the answer comes when it is committed. */
  readonly queue?: string
}

/** What waits so long is the sweeper; shorter intervals are not about the data. */
const LONG_MILLISECONDS = 60_000
/** SQLite's own highest value of max_page_count. */
const NO_LIMIT = 4_294_967_294

const speed = Number(process.argv[2] ?? 1)
const startedAt = Date.now()
let jumped = 0
const clock: Clock = { now: () => Math.round(startedAt + (Date.now() - startedAt) * speed + jumped) }
const { setInterval } = globalThis
globalThis.setInterval = ((work: () => void, milliseconds: number) =>
  setInterval(work, milliseconds >= LONG_MILLISECONDS ? milliseconds / speed : milliseconds)) as typeof setInterval

const config = parseConfig(process.env)
const listener = await listen(config)
const auth = await openAuth(config, { form: 'service', clock })
listener.handleWith(toNodeHandler(auth))

process.on('message', async ({ jump, growth, queue }: ClockMessage) => {
  jumped += jump ?? 0
  if (growth) {
    await auth.deps.database.inTransaction(async (tx) => {
      // The least possible value stands for the present size.
      await sql.raw(`pragma max_page_count = ${growth === 'off' ? 1 : NO_LIMIT}`).execute(tx)
    })
  }
  if (queue) {
    const { deps } = auth
    const mail = { to: queue, userId: null, message: { kind: 'password_changed' } } as const
    await deps.database.inTransaction((tx) => queueMail(deps, tx, mail))
  }
  process.send?.({ now: clock.now() })
})
process.on('disconnect', () => process.exit(0))
console.log(JSON.stringify({ event: 'listening', url: `http://localhost:${listener.port}` }))
