import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { AuthError } from '../errors.ts'
import type { RequestInfo } from './front-door.ts'

/** What `createAuth` returns, as far as a listener needs it. */
export interface FetchHandler {
  fetch(request: Request, info?: RequestInfo): Promise<Response>
}

/**
 * What frameworks of Node's kind add: Express cuts off the path under which a handler is mounted, and keeps the whole one in `originalUrl`;
 * body parsers leave what they made in `body`. `rawBody` is where the listener looks for bytes that were read before.
 */
type FrameworkMessage = IncomingMessage & { originalUrl?: string; body?: unknown; rawBody?: unknown }

/** A `Host` that surely makes a URL. */
const PLAIN_HOST = /^[a-z0-9.-]+(?::(?:[1-5]\d{3,4}|[6-9]\d{3}))?$/
/** RFC 9112 section 3.2.1: a path, perhaps a query. Neither `*`, nor a whole URL, whose host would count in place of `Host`. */
const ORIGIN_FORM = /^\/[^\\?]*(?:\?|$)/
/** CHECKLIST R257. Node drops what is above its own limit, and the one that says where the request came from could be among it. */
const MAX_HEADERS = 100

/**
 * A listener for `node:http`, Express, Fastify and others of Node's kind. It reads the client's address from the socket, and behind
 * `trustedProxies` from `X-Forwarded-For`. Mount it before any body parser: it reads the body itself.
 */
export function toNodeHandler(auth: FetchHandler): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const listener = getRequestListener(
    (request, { incoming }) =>
      auth.fetch(bodyIsLost(incoming as FrameworkMessage) ? withLostBody(request) : request, {
        clientAddress: incoming.socket.remoteAddress,
        isSocketAddress: true,
      }),
    // The application's own Request and Response stay what they are.
    { overrideGlobalObjects: false },
  )
  return (incoming: FrameworkMessage, outgoing) => {
    if (incoming.originalUrl !== undefined) incoming.url = incoming.originalUrl
    if (incoming.rawHeaders.length >= 2 * MAX_HEADERS) {
      outgoing.writeHead(431, { connection: 'close', 'x-request-id': randomUUID() }).end()
      return
    }
    // What makes no URL reaches the front door all the same, which refuses it in its own form and logs it:
    // a target that is no path as a path that no route has, a Host by the header as it came, which is the one it reads.
    if (!ORIGIN_FORM.test(incoming.url ?? '')) incoming.url = '/*'
    if (!PLAIN_HOST.test(incoming.headers.host ?? '')) incoming.headers.host = 'localhost'
    // express.raw() and its kind keep every byte: nothing is lost.
    if (incoming.readableDidRead && incoming.body instanceof Buffer) incoming.rawBody ??= incoming.body
    void listener(incoming, outgoing)
  }
}

/**
 * Did the application read the body before us, and keep only what it made of it? That is not taken back: a parser has replaced invalid bytes
 * and dropped repeated fields by then, which this service refuses.
 */
function bodyIsLost(incoming: FrameworkMessage): boolean {
  return incoming.readableDidRead && !(incoming.rawBody instanceof Buffer) && incoming.method !== 'GET' && incoming.method !== 'HEAD'
}

/** The same request with a body that, when a route reads it, tells the developer what to do; routes that need none work. */
function withLostBody(request: Request): Request {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(
        new AuthError('body_malformed', {
          sentence:
            'The application read the body of this request before Bienvenue could. Mount toNodeHandler(auth) before express.json() and other body parsers.',
          logged: 'the body was read before: mount toNodeHandler before body parsers',
        }),
      )
    },
  })
  // The DOM's types do not know `duplex`, which Node requires of a body that is a stream.
  const init: RequestInit & { duplex: 'half' } = { method: request.method, headers: request.headers, body, duplex: 'half' }
  return new Request(request.url, init)
}
