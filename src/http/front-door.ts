import { randomUUID } from 'node:crypto'
import type { Config } from '../config.ts'
import { AuthError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Answers, toResponse } from './answer.ts'
import { makeClientAddress } from './client-ip.ts'
import { guardCrossSite } from './cross-site.ts'
import { errorAnswer } from './error-response.ts'
import type { Exchange } from './exchange.ts'
import { guardPosture, type RequestFacts } from './loopback-guard.ts'

export interface RequestInfo {
  /** The address of the client's socket, or what the application knows it to be. */
  readonly clientAddress?: string | null | undefined
  /** Set by our own Node listener: the address is a socket's, so the forwarded header may be read if it is a trusted proxy's. */
  readonly isSocketAddress?: boolean
}

interface FrontDoorDeps {
  readonly config: Config
  readonly log: Log
  readonly answers: Answers
  route(request: Request, exchange: Exchange): Response | Promise<Response>
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * What every request passes, cheapest first: who is asking, is this host ours, may this site ask, then its route. Every request is answered,
 * and makes one line in the log.
 */
export function makeFrontDoor(deps: FrontDoorDeps) {
  const { config, log, answers } = deps
  const clientAddressOf = makeClientAddress(config.trustedProxies)

  return async function fetch(request: Request, info: RequestInfo = {}): Promise<Response> {
    const startedAt = performance.now()
    const { headers, method } = request
    const facts: RequestFacts = { peer: info.clientAddress ?? null, header: (name) => headers.get(name) }
    const origin = headers.get('origin')
    const path = pathBelow(config.publicUrl.pathPrefix, request.url)
    const exchange: Exchange = {
      requestId: randomUUID(),
      clientAddress: clientAddressOf(facts.peer, info.isSocketAddress ? headers.get('x-forwarded-for') : null),
      corsOrigin: origin !== null && config.allowedOrigins.has(origin) ? origin : null,
      path: path ?? '',
      refusal: null,
      route: null,
    }
    let response: Response
    try {
      guardPosture(config, facts)
      if (!SAFE.has(method)) guardCrossSite(config, facts)
      if (path === null) throw new AuthError('not_found')
      response = await deps.route(request, exchange)
    } catch (error) {
      response = toResponse(errorAnswer(answers, log, exchange, error))
    }
    log.info({
      event: 'request',
      request_id: exchange.requestId,
      method,
      route: exchange.route ?? maskedPath(exchange.path),
      status: response.status,
      ms: Math.round((performance.now() - startedAt) * 100) / 100,
      client: exchange.clientAddress,
      ...(exchange.refusal && { error: exchange.refusal.code, reason: exchange.refusal.reason }),
    })
    return response
  }
}

/** The path below the prefix, without one trailing slash and without the query; `null` for a path that is not below it. */
export function pathBelow(prefix: string, url: string): string | null {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return prefix === '' ? '/' : null
  const query = url.indexOf('?', start)
  const hash = url.indexOf('#', start)
  const end = Math.min(query === -1 ? url.length : query, hash === -1 ? url.length : hash)
  if (!url.startsWith(prefix, start)) return null
  const from = start + prefix.length
  if (from < end && url[from] !== '/') return null
  const until = url[end - 1] === '/' && end - from > 1 ? end - 1 : end
  return from >= until ? '/' : url.slice(from, until)
}

/** A path that no route has, for the log: long parts may be secrets that somebody pasted (CHECKLIST R228). */
function maskedPath(path: string): string {
  return path.replaceAll(/[^/]{16,}/g, '***').slice(0, 120)
}
