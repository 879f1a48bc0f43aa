import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Keyring } from './crypto/keyring.ts'
import type { Random } from './crypto/random.ts'
import type { Database } from './db/database.ts'
import type { Log } from './log.ts'
import type { HashQueue } from './passwords/hash-queue.ts'

/** Everything that a rule may need; each rule asks for its part with `Pick`. */
export interface Deps {
  readonly config: Config
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly keys: Keyring
  readonly log: Log
  readonly hashQueue: HashQueue
}
