import { Agent, type IncomingHttpHeaders, request as send } from 'node:http'

/** A client that waits longer than this has been left hanging: every timeout of the service is much shorter, and a busy machine may be very late. */
const PATIENCE_MILLISECONDS = 60_000

export interface Answer {
  /** 0: no answer came. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, or why no answer came. */
  readonly text: string
  readonly milliseconds: number
  readonly hung: boolean
}

export interface Asked {
  readonly session?: string
  readonly json?: object
}

export interface Client {
  request(method: string, path: string, asked?: Asked): Promise<Answer>
  /** After a restart the service is elsewhere. */
  goTo(url: string): void
  close(): void
}

/**
 * Nothing is tried twice. A connection that is kept may be closed by the service, which is its right, in the instant in which the next request is sent;
 * so they are kept only where broken connections are expected anyway.
 */
export function makeClient(url: string, { keepAlive }: { readonly keepAlive: boolean }): Client {
  let agent = new Agent({ keepAlive })
  let port = new URL(url).port
  return {
    request: (method, path, asked = {}) => ask({ agent, port, method, path }, asked),
    goTo(other) {
      agent.destroy()
      agent = new Agent({ keepAlive })
      port = new URL(other).port
    },
    close: () => agent.destroy(),
  }
}

interface Target {
  readonly agent: Agent
  readonly port: string
  readonly method: string
  readonly path: string
}

function ask({ agent, port, method, path }: Target, { session, json }: Asked): Promise<Answer> {
  const body = json === undefined ? undefined : JSON.stringify(json)
  const headers = {
    accept: 'application/json',
    ...(session !== undefined && { cookie: `session_id=${session}` }),
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  return new Promise((resolve) => {
    const sentAt = performance.now()
    let hung = false
    const fail = (error: Error) => resolve({ status: 0, headers: {}, text: error.message, milliseconds: performance.now() - sentAt, hung })
    const outgoing = send({ agent, host: '127.0.0.1', port, method, path, headers }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => {
        text += chunk
      })
      incoming.on('error', fail)
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, milliseconds: performance.now() - sentAt, hung }),
      )
    })
    const patience = setTimeout(() => {
      hung = true
      outgoing.destroy(new Error(`no answer in ${PATIENCE_MILLISECONDS} ms`))
    }, PATIENCE_MILLISECONDS)
    outgoing.on('error', fail).on('close', () => clearTimeout(patience))
    outgoing.end(body)
  })
}

/** The token of the session cookie that an answer sets. */
export function tokenOf({ headers }: Answer): string | null {
  return /session_id=([^;]+)/.exec(headers['set-cookie']?.[0] ?? '')?.[1] ?? null
}
