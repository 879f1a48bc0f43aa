/** Run as a process of its own: opens the database file of the first argument and stores as many users as the second says, one transaction each. */
import { systemClock } from '../src/clock.ts'
import { systemRandom } from '../src/crypto/random.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { createUser, requireEmailAddress } from '../src/users/user.ts'

const [path = '', count = '0'] = process.argv.slice(2)
const database = await openDatabase({ engine: 'sqlite', path })
await migrate(database, systemClock)
for (let user = 0; user < Number(count); user++) {
  const email = requireEmailAddress(`user${user}-of-${process.pid}@me.com`)
  await createUser({ database, clock: systemClock, random: systemRandom }, { email, passwordHash: null })
}
await database.close()
