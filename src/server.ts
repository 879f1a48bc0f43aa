import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Config } from './config.ts'
import { AuthError } from './errors.ts'
import { isLoopbackAddress } from './loopback.ts'

// An `import` of node:http lists everything that it exports and thereby loads its WebSocket and fetch, which nobody here calls:
// 16 MB and 18 ms of every start.
const { createServer } = process.getBuiltinModule('node:http')

/**
 * Timeouts and sizes of the listener (CHECKLIST R256, R257; Node's own defaults are 60 s, 300 s and no limit on the count).
 * A slow client is cut off; a fast one never notices.
 */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const KEEP_ALIVE_TIMEOUT_MS = 5_000
/** How often Node looks for connections that ran out of time. */
const CHECK_INTERVAL_MS = 1_000
const MAX_HEADERS_COUNT = 100
const MAX_HEADER_BYTES = 16 * 1024
const MAX_CONNECTIONS = 4_000
/** A connection on which nothing moves, also an answer that nobody takes. Longer than any request may last. */
const STALLED_TIMEOUT_MS = 35_000
/** What is in flight at a stop gets so long, then its sockets are closed. */
const STOP_DEADLINE_MS = 10_000
const STOP_CHECK_MS = 50

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface Listener {
  readonly port: number
  /** One per address, all on that port. */
  readonly servers: readonly Server[]
  /** From now on requests go to this handler; those that came earlier too. */
  handleWith(handler: Handler): void
  /** Stop accepting, let what is in flight finish within the deadline, close every socket. */
  close(): Promise<void>
}

/**
 * Listen on every address of the configuration, on one port. Requests that come before the handler is there wait for it.
 *
 * @throws AuthError `configuration_invalid` - port taken, address not on this machine; classic: bound to more than loopback
 */
export async function listen(config: Pick<Config, 'listen' | 'posture'>): Promise<Listener> {
  let handler: Handler | null = null
  const early: [IncomingMessage, ServerResponse][] = []
  const onRequest: Handler = (request, response) => (handler ? handler(request, response) : void early.push([request, response]))
  const servers: Server[] = []
  let { port } = config.listen
  for (const host of config.listen.hosts) {
    const server = makeServer(onRequest)
    try {
      port = await bind(server, host, port)
    } catch (error) {
      // A machine without IPv6 is served on IPv4 alone.
      if (servers.length > 0 && isMissingFamily(error)) continue
      for (const open of servers) open.close()
      throw listenProblem(error, host, port)
    }
    servers.push(server)
  }
  refusePublicBinding(config, servers)
  return {
    port,
    servers,
    handleWith(given) {
      handler = given
      for (const [request, response] of early.splice(0)) given(request, response)
    },
    close: async () => void (await Promise.all(servers.map(stop))),
  }
}

function makeServer(onRequest: Handler): Server {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    onRequest,
  )
  server.maxHeadersCount = MAX_HEADERS_COUNT
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = STALLED_TIMEOUT_MS
  server.on('clientError', answerClientError)
  // An expectation that nobody knows is no reason to refuse (RFC 9110 section 10.1.1).
  server.on('checkExpectation', onRequest)
  return server
}

/** What Node's parser refuses never reaches a route; it gets an answer all the same (CHECKLIST R263, R265). */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket | import('node:stream').Duplex): void {
  // Node's own field. An earlier request, complete, still waits for its answer here, and this one would be taken for it.
  const { _httpMessage: due } = socket as { _httpMessage?: ServerResponse | null }
  const owesAnswer = due?.req.complete === true
  if (!socket.writable || owesAnswer) return void socket.destroy()
  const [status, reason] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431', 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408', 'Request Timeout']
        : ['400', 'Bad Request']
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nX-Request-Id: ${randomUUID()}\r\nContent-Length: 0\r\n\r\n`)
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function isMissingFamily(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function listenProblem(error: unknown, host: string, port: number): AuthError {
  const { code, message } = error as NodeJS.ErrnoException
  const hint = port === 5_000 ? ' (on macOS, AirPlay Receiver holds 5000)' : ''
  const sentence =
    code === 'EADDRINUSE'
      ? `Port ${port} is taken${hint}. Choose another:\n\n  PORT=${port + 1} npm start\n`
      : code === 'EACCES'
        ? `This user may not listen on port ${port}. Choose one above 1023: PORT=5000`
        : `Cannot listen on ${host} port ${port}: ${message}`
  return new AuthError('configuration_invalid', { sentence }, { cause: error })
}

/** A name in HOST may resolve to anything; what counts is what was bound. */
function refusePublicBinding(config: Pick<Config, 'posture'>, servers: readonly Server[]): void {
  const outside = servers.map((server) => (server.address() as AddressInfo).address).filter((address) => !isLoopbackAddress(address))
  if (config.posture === 'hardened' || outside.length === 0) return
  for (const server of servers) server.close()
  throw new AuthError('configuration_invalid', {
    sentence: `The service would listen on ${outside.join(', ')}, which other machines can reach, and the posture is classic. Leave HOST unset, or set BIENVENUE_PUBLIC_URL to the service's https address.`,
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), STOP_DEADLINE_MS)
    // What is answered meanwhile would wait for the next request on its connection.
    const idle = setInterval(() => server.closeIdleConnections(), STOP_CHECK_MS)
    server.close(() => {
      clearTimeout(deadline)
      clearInterval(idle)
      resolve()
    })
    server.closeIdleConnections()
  })
}
