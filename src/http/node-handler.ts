import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { AuthError } from '../errors.ts'
import type { Answer } from './answer.ts'
import type { Ask } from './ask.ts'

/** What `createAuth` returns, as far as a listener needs it. */
export interface AnswerHandler {
  answer(ask: Ask): Promise<Answer>
}

/**
 * What frameworks of Node's kind add: Express cuts off the path under which a handler is mounted, and keeps the whole one in `originalUrl`;
 * body parsers leave what they made in `body`, and some the bytes in `rawBody`.
 */
type FrameworkMessage = IncomingMessage & { originalUrl?: string; body?: unknown; rawBody?: unknown }

/** CHECKLIST R257. Node drops what is above its own limit, and the one that says where the request came from could be among it. */
const MAX_HEADERS = 100

/**
 * A listener for `node:http`, Express, Fastify and others of Node's kind. It reads the client's address from the socket, and behind
 * `trustedProxies` from `X-Forwarded-For`. Mount it before any body parser: it reads the body itself.
 */
export function toNodeHandler(auth: AnswerHandler): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  return (incoming, outgoing) => {
    if (incoming.rawHeaders.length >= 2 * MAX_HEADERS) {
      outgoing.writeHead(431, { connection: 'close', 'x-request-id': randomUUID() }).end()
      return
    }
    auth
      .answer(askOf(incoming))
      .then((answer) => write(incoming, outgoing, answer))
      // `answer` never rejects. What Node refuses to write, the client cannot be given: its connection ends, ours goes on.
      .catch((error: Error) => outgoing.destroy(error))
  }
}

function askOf(incoming: FrameworkMessage): Ask {
  return {
    method: incoming.method ?? 'GET',
    // A target that is no path (`*`, a whole URL) is below no prefix and has no route.
    target: incoming.originalUrl ?? incoming.url ?? '',
    peer: incoming.socket.remoteAddress ?? null,
    isSocketAddress: true,
    header: (name) => headerOf(incoming, name),
    readBytes: (limit) => readBytes(incoming, limit),
  }
}

/** Of these Node keeps the first line and drops the others; all lines count here. */
const KEPT_ONCE = new Set(['host', 'content-type', 'user-agent'])

function headerOf(incoming: IncomingMessage, name: string): string | null {
  const value = incoming.headers[name]
  if (value === undefined) return null
  if (!KEPT_ONCE.has(name)) return typeof value === 'string' ? value : value.join(', ')
  let all: string | null = null
  const { rawHeaders } = incoming
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const raw = rawHeaders[at] ?? ''
    if (raw.length === name.length && raw.toLowerCase() === name)
      all = all === null ? (rawHeaders[at + 1] ?? '') : `${all}, ${rawHeaders[at + 1]}`
  }
  return all
}

function readBytes(incoming: FrameworkMessage, limit: number): Promise<Uint8Array> {
  if (incoming.readableDidRead) return readByOthers(incoming, limit)
  return new Promise((resolve, reject) => {
    const refuse = (error: AuthError) => {
      // What still comes is dropped; the answer closes the connection.
      incoming.removeAllListeners('data').resume()
      reject(error)
    }
    if (Number(incoming.headers['content-length'] ?? 0) > limit) return refuse(new AuthError('body_too_large'))
    const chunks: Buffer[] = []
    let total = 0
    incoming.on('data', (chunk: Buffer) => {
      total += chunk.length
      if (total > limit) refuse(new AuthError('body_too_large'))
      else chunks.push(chunk)
    })
    incoming.once('end', () => resolve(Buffer.concat(chunks)))
    // The client went away, or its chunks cannot be read: its fault, not ours. After 'end' this changes nothing.
    const cutOff = () => refuse(new AuthError('body_malformed', { sentence: 'The body ended too early.', logged: 'body cut off' }))
    incoming.once('error', cutOff).once('close', cutOff)
    // It may have gone away before anybody asked: then neither event comes again.
    if (incoming.destroyed) cutOff()
  })
}

/**
 * The application read the body before us. A parser that kept every byte (`express.raw()`) lost nothing. One that kept only what it made of them has
 * replaced invalid bytes and dropped repeated fields, which this service refuses: that cannot be taken back.
 */
async function readByOthers(incoming: FrameworkMessage, limit: number): Promise<Uint8Array> {
  const bytes = [incoming.rawBody, incoming.body].find((body) => body instanceof Buffer)
  if (bytes instanceof Buffer && bytes.length <= limit) return bytes
  if (bytes) throw new AuthError('body_too_large')
  throw new AuthError('body_malformed', {
    sentence:
      'The application read the body of this request before Bienvenue could. Mount toNodeHandler(auth) before express.json() and other body parsers.',
    logged: 'the body was read before: mount toNodeHandler before body parsers',
  })
}

/** Bytes of answers that one connection may leave unread: a few of our largest. A client that asks on and on and reads nothing loses its connection, not us our memory. */
const MAX_UNREAD_BYTES = 128 * 1024

/** Answers that wait behind an earlier one on their connection: only clients that pipeline have any. */
const queuedBytes = new WeakMap<Socket, number>()

function write(incoming: IncomingMessage, outgoing: ServerResponse, { status, headers, body }: Answer): void {
  const length = body === null ? 0 : Buffer.byteLength(body)
  const lines: string[] = []
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (typeof value === 'string') lines.push(name, value)
    else for (const line of value) lines.push(name, line)
  }
  if (status !== 204) lines.push('content-length', String(length))
  outgoing.writeHead(status, lines)
  outgoing.end(incoming.method === 'HEAD' ? undefined : (body ?? undefined))
  const { socket } = incoming
  if (outgoing.socket === null && !outgoing.destroyed) noteQueued(socket, outgoing, length)
  if (socket.writableLength + (queuedBytes.get(socket) ?? 0) > MAX_UNREAD_BYTES) socket.destroy()
}

function noteQueued(socket: Socket, outgoing: ServerResponse, length: number): void {
  queuedBytes.set(socket, (queuedBytes.get(socket) ?? 0) + length)
  outgoing.once('close', () => queuedBytes.set(socket, (queuedBytes.get(socket) ?? 0) - length))
}
