// An application that keeps no users of its own: it asks a running Bienvenue service who is there.
// The browser sends the session cookie to every port of its host; the application hands it on to GET /sessions/current, and
// sends whoever is not logged in to the service's login page, which sends them back.
//
//   BIENVENUE_ALLOWED_ORIGINS=http://localhost:3000 npm start   the service, on port 5000: it may send people back to that origin
//   node examples/guarded-app.ts [PORT] [URL OF THE SERVICE]    this application, on port 3000
import type { AddressInfo } from 'node:net'
import express from 'express'

const port = Number(process.argv[2] ?? 3000)
const service = (process.argv[3] ?? 'http://localhost:5000').replace(/\/$/, '')

const app = express()

app.get('/', async (request, response) => {
  response.type('text').set('cache-control', 'no-store')
  try {
    const email = await whoIs(request.headers.cookie)
    if (email === null) response.redirect(`${service}/login?return_to=${encodeURIComponent(here())}`)
    else response.send(`This page is for ${email} only.\n`)
  } catch (error) {
    // Whoever cannot be known is not let in.
    console.error(`${service}: ${error}`)
    response.status(503).send('Nobody can be let in right now. Try again in a moment.\n')
  }
})

/** Where the service sends people back to. Of our own port, never of the request's Host header. */
function here(): string {
  return `http://localhost:${(server.address() as AddressInfo).port}/`
}

/** The address of the user whose session these cookies carry, or `null`. */
async function whoIs(cookie = ''): Promise<string | null> {
  const answer = await fetch(`${service}/sessions/current`, { headers: { cookie }, signal: AbortSignal.timeout(5_000) })
  if (answer.status === 403) return null
  if (!answer.ok) throw new Error(`GET /sessions/current answered ${answer.status}`)
  const { user } = (await answer.json()) as { user: { email: string } }
  return user.email
}

const server = app.listen(port, 'localhost', (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close())
}
