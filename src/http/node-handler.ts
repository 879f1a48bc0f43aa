import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { RequestInfo } from './front-door.ts'

/** What `createAuth` returns, as far as a listener needs it. */
export interface FetchHandler {
  fetch(request: Request, info?: RequestInfo): Promise<Response>
}

/** Express and its kind cut off the path under which a handler is mounted, and keep the whole one here. */
type MountedMessage = IncomingMessage & { originalUrl?: string }

/**
 * A listener for `node:http`, Express, Fastify and others of Node's kind. It reads the client's address from the socket, and behind
 * `trustedProxies` from `X-Forwarded-For`. Mount it before any body parser: it reads the body itself.
 */
export function toNodeHandler(auth: FetchHandler): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const listener = getRequestListener(
    (request, { incoming }) => auth.fetch(request, { clientAddress: incoming.socket.remoteAddress, isSocketAddress: true }),
    // The application's own Request and Response stay what they are.
    { overrideGlobalObjects: false },
  )
  return (incoming: MountedMessage, outgoing) => {
    if (incoming.originalUrl !== undefined) incoming.url = incoming.originalUrl
    void listener(incoming, outgoing)
  }
}
