// The peer: Better Auth with e-mail and password over SQLite through node:sqlite, its own defaults otherwise.
// Rate limiting is off, so that it is not in the way; the cookie cache is off, its default, so a revocation takes effect at once as it does here.
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'

const { DATABASE = 'better-auth.db', PORT = '3000', MIGRATE } = process.env
const database = new DatabaseSync(DATABASE)
database.exec('pragma journal_mode = wal')

const options = {
  database,
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: 'a secret of the bench, good for nothing else',
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
}
// An application does this once, with Better Auth's command line; a start on an existing database does not.
if (MIGRATE === '1') await (await getMigrations(options)).runMigrations()
const server = createServer(toNodeHandler(betterAuth(options)))
server.listen(Number(PORT), '127.0.0.1', () => console.log(JSON.stringify({ port: Number(PORT) })))
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
