import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AuthError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ListenAddress } from '../setting-parsers.ts'
import { METRICS_CONTENT_TYPE } from './metrics.ts'

/** Prometheus asks every few seconds over one connection; nobody else should be here, and whoever is, is soon gone. */
const REQUEST_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_MS = 65_000
const MAX_CONNECTIONS = 20
const MAX_HEADER_BYTES = 8 * 1024

export interface MetricsListener {
  readonly url: string
  close(): Promise<void>
}

/**
 * Answer `GET /metrics` at an address of its own, and nothing else. Nobody is asked who they are: the address decides who can reach it.
 *
 * @throws AuthError `configuration_invalid` - taken, or not an address of this machine
 */
export async function listenForMetrics({ host, port }: ListenAddress, text: () => Promise<string>, log: Log): Promise<MetricsListener> {
  // As in server.ts: an import would load what nobody here calls.
  const server = process.getBuiltinModule('node:http').createServer(
    {
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => void answer(request, response, text, log),
  )
  server.maxConnections = MAX_CONNECTIONS
  await bind(server, { host, port })
  const bound = server.address() as AddressInfo
  return {
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function bind(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const sentence = `BIENVENUE_METRICS_ADDRESS cannot be listened on: ${error.message}`
      reject(new AuthError('configuration_invalid', { sentence }, { cause: error }))
    })
    server.listen({ host, port }, () => resolve())
  })
}

async function answer(request: IncomingMessage, response: ServerResponse, text: () => Promise<string>, log: Log): Promise<void> {
  const isMetrics = request.url?.split('?')[0] === '/metrics' && (request.method === 'GET' || request.method === 'HEAD')
  if (!isMetrics) return void response.writeHead(404, { connection: 'close' }).end()
  try {
    const body = await text()
    response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' }).end(body)
  } catch (error) {
    log.error({ event: 'metrics_failed', err: error })
    response.writeHead(503, { 'retry-after': '5' }).end()
  }
}
