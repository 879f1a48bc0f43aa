// Users and sessions under /auth of a plain node:http server, beside the application's own pages.
//
//   node examples/node-http.ts [PORT]
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAuth } from 'bienvenue'
import { toNodeHandler } from 'bienvenue/node'

const port = Number(process.argv[2] ?? 3000)

const auth = await createAuth({
  databaseUrl: 'file::memory:', // 'file:auth.db' keeps the users when the program stops
  publicUrl: `http://localhost:${port}/auth`, // where users reach it: its path is the one it is mounted under
})
const handleAuth = toNodeHandler(auth)

const server = createServer((request, response) => {
  if (request.url?.startsWith('/auth/')) return handleAuth(request, response)
  response.setHeader('content-type', 'text/plain')
  if (request.url === '/') return response.end('The application itself. Its users are under /auth/\n')
  response.writeHead(404).end('Nothing here\n')
})

server.listen(port, 'localhost', () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close(() => void auth.close()))
}
