import { AuthError } from '../errors.ts'
import type { Answer, AnswerHeaders } from './answer.ts'
import type { Ask } from './ask.ts'

/** What the application knows of a request beside the `Request` itself. */
export interface RequestInfo {
  /** The client's address, which throttles, sessions and the log know it by. */
  readonly clientAddress?: string | null | undefined
}

/** The library form: `Request` in, `Response` out. */
export function makeFetch(answer: (ask: Ask) => Promise<Answer>) {
  return async function fetch(request: Request, info?: RequestInfo | null): Promise<Response> {
    const { status, body, headers } = await answer(askOf(request, info))
    // A HEAD has no body.
    // The cast is for Uint8Array, which every Response takes as a body.
    return new Response(request.method === 'HEAD' ? null : (body as BodyInit | null), { status, headers: linesOf(headers) })
  }
}

/** One pair for each line: of cookies, each has its own. */
function linesOf(headers: AnswerHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as [string, string]] : value.map((line): [string, string] => [name, line]),
  )
}

function askOf(request: Request, info: RequestInfo | null | undefined): Ask {
  const url = new URL(request.url)
  return {
    method: request.method,
    target: url.pathname + url.search,
    peer: typeof info?.clientAddress === 'string' ? info.clientAddress : null,
    isSocketAddress: false,
    // A Request that was made by hand has no Host; its URL says it.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? url.host : null),
    readBytes: (limit) => readBytes(request, limit),
  }
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw new AuthError('body_malformed', {
      sentence: 'The application read the body of this request before Bienvenue could. Hand auth.fetch a request that nobody has read.',
      logged: 'the body was read before',
    })
  }
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw new AuthError('body_too_large')
  if (request.body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let total = 0
  try {
    for await (const chunk of request.body) {
      total += chunk.length
      if (total > limit) throw new AuthError('body_too_large')
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof AuthError) throw error
    // The client went away, or its chunks cannot be read: its fault, not ours.
    throw new AuthError('body_malformed', { sentence: 'The body ended too early.', logged: 'body cut off' }, { cause: error })
  }
  return Buffer.concat(chunks)
}
