// Users and sessions under /auth of an Express application, and a page of its own that knows who is asking.
//
//   node examples/express.ts [PORT]
import type { AddressInfo } from 'node:net'
import { createAuth } from 'bienvenue'
import { toNodeHandler } from 'bienvenue/node'
import express from 'express'

const port = Number(process.argv[2] ?? 3000)

const auth = await createAuth({
  databaseUrl: 'file:express-example.db',
  publicUrl: `http://localhost:${port}/auth`, // where users reach it: its path is the one it is mounted under
})

const app = express()
app.use('/auth', toNodeHandler(auth)) // before body parsers: it reads its bodies itself
app.use(express.json())

const notes = new Map<string, string[]>()

app.get('/notes', async (request, response) => {
  const user = await auth.getUserFromRequest(request)
  if (user === null) return void response.status(403).json({ message: 'log in first: POST /auth/sessions' })
  response.json({ email: user.email, notes: notes.get(user.id) ?? [] })
})

app.post('/notes', async (request, response) => {
  const user = await auth.getUserFromRequest(request)
  if (user === null) return void response.status(403).json({ message: 'log in first: POST /auth/sessions' })
  notes.set(user.id, [...(notes.get(user.id) ?? []), String(request.body?.note)])
  response.json({ message: 'noted' })
})

const server = app.listen(port, 'localhost', (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close(() => void auth.close()))
}
