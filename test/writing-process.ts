/** Run as a process of its own: opens the database file of the first argument and stores as many users as the second says, one transaction each. */
import { OPERATOR } from '../src/audit/audit-event.ts'
import { systemClock } from '../src/clock.ts'
import { makeKeyring } from '../src/crypto/keyring.ts'
import { systemRandom } from '../src/crypto/random.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { makeLog } from '../src/log.ts'
import { createUser, requireEmailAddress } from '../src/users/user.ts'

const [path = '', count = '0'] = process.argv.slice(2)
const database = await openDatabase({ engine: 'sqlite', path })
await migrate(database, systemClock)
const keys = makeKeyring([{ version: 'v1', bytes: systemRandom.bytes(32) }])
const deps = { database, clock: systemClock, random: systemRandom, keys, log: makeLog('error') }
for (let user = 0; user < Number(count); user++) {
  const email = requireEmailAddress(`user${user}-of-${process.pid}@me.com`)
  await createUser(deps, { email, passwordHash: null }, OPERATOR)
}
await database.close()
