// Users and sessions under /auth of a Hono application, and a page of its own that knows who is asking.
// The same lines work on any server that speaks Request and Response.
//
//   node examples/hono.ts [PORT]
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { createAuth } from 'bienvenue'
import { Hono } from 'hono'

const port = Number(process.argv[2] ?? 3000)

const auth = await createAuth({
  databaseUrl: 'file::memory:', // 'file:auth.db' keeps the users when the program stops
  publicUrl: `http://localhost:${port}/auth`, // where users reach it: its path is the one it is mounted under
})

const app = new Hono()
app.all('/auth/*', (c) => auth.fetch(c.req.raw, { clientAddress: getConnInfo(c).remote.address }))

app.get('/', async (c) => {
  const user = await auth.getUserFromRequest(c.req.raw)
  if (user === null) return c.text('Log in first: POST /auth/sessions\n', 403)
  return c.text(`Hello ${user.email}\n`)
})

const server = serve({ fetch: app.fetch, port, hostname: 'localhost' }, (address) => {
  console.log(`Listening on http://localhost:${address.port}`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close(() => void auth.close()))
}
