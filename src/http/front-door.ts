import { randomUUID } from 'node:crypto'
import type { Config } from '../config.ts'
import { AuthError } from '../errors.ts'
import type { Log, RequestLine } from '../log.ts'
import type { Answer, Answers } from './answer.ts'
import type { Ask } from './ask.ts'
import { makeClientAddress } from './client-ip.ts'
import { guardCrossSite } from './cross-site.ts'
import { errorAnswer } from './error-response.ts'
import type { Exchange } from './exchange.ts'
import { guardPosture } from './loopback-guard.ts'
import type { RequestCounts } from './request-counts.ts'
import { prefersHtml, type Route, type RouteContext } from './route.ts'
import { allowedMethods, makeRouter, pathBelow } from './router.ts'

interface FrontDoorDeps {
  readonly config: Config
  readonly log: Log
  readonly answers: Answers
  readonly routes: readonly Route[]
  readonly counts: RequestCounts
  /** For refusals that the audit log wants; it never throws. */
  readonly onRefusal: (refusal: AuthError, c: Pick<RouteContext, 'ask' | 'exchange'>) => Promise<void>
  /** A refusal as a person sees it, in place of the JSON that says the same; `given` has its status. */
  readonly errorPage: (c: Pick<RouteContext, 'ask' | 'exchange'>, thrown: unknown, given: Answer) => Promise<Answer>
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * What every request passes, cheapest first: who is asking, is this host ours, may this site ask, then its route. It never throws; every
 * request is answered, makes one line in the log, and is counted.
 */
export function makeFrontDoor({
  config,
  log,
  answers,
  routes,
  counts,
  onRefusal,
  errorPage,
}: FrontDoorDeps): (ask: Ask) => Promise<Answer> {
  const clientAddressOf = makeClientAddress(config.trustedProxies)
  const matchPath = makeRouter(routes)
  const { pathPrefix } = config.publicUrl

  /** @throws AuthError for every refusal */
  function handle(ask: Ask, exchange: Exchange): Promise<Answer> | Answer {
    guardPosture(config, ask)
    if (!SAFE.has(ask.method)) guardCrossSite(config, ask)
    const path = pathBelow(pathPrefix, ask.target)
    const match = path === null ? null : matchPath(path)
    if (!match) throw new AuthError('not_found', path === null ? { logged: `not below ${pathPrefix}` } : {})
    const isGet = ask.method === 'GET' || ask.method === 'HEAD'
    const method = isGet ? 'GET' : ask.method
    const route = isGet && match.page && prefersHtml({ ask }) ? match.page : match.routes.get(method)
    if (!route) return withoutRoute(ask, exchange, allowedMethods(match.routes))
    exchange.route = route.path
    exchange.isPage = route.isPage === true
    const mustKnowClient = config.posture === 'hardened' ? route.checksSecret || route.limitsOrigin : route.handsOutSecret
    if (mustKnowClient && exchange.clientAddress === null) throw new AuthError('client_address_required')
    if (match.page && isGet && match.page !== match.routes.get('GET')) exchange.variesByAccept = true
    return route.handle({ ask, exchange, params: match.params })
  }

  function withoutRoute(ask: Ask, exchange: Exchange, allow: string): Answer {
    if (ask.method !== 'OPTIONS') throw new AuthError('method_not_allowed', { allow })
    return answers.empty(exchange, 204, { allow, ...preflight(exchange, allow) })
  }

  async function errorPageOr(given: Answer, c: Pick<RouteContext, 'ask' | 'exchange'>, thrown: unknown): Promise<Answer> {
    try {
      return await errorPage(c, thrown, given)
    } catch (bug) {
      log.error({ event: 'bug', request_id: c.exchange.requestId, err: bug })
      return given
    }
  }

  return async function answer(ask) {
    const startedAt = performance.now()
    const origin = ask.header('origin')
    const exchange: Exchange = {
      requestId: randomUUID(),
      clientAddress: clientAddressOf(ask.peer, ask.isSocketAddress ? ask.header('x-forwarded-for') : null),
      corsOrigin: origin !== null && config.allowedOrigins.has(origin) ? origin : null,
      refusal: null,
      route: null,
      isPage: false,
      variesByAccept: false,
    }
    let given: Answer
    try {
      given = await handle(ask, exchange)
    } catch (error) {
      given = errorAnswer(answers, log, exchange, error)
      if (error instanceof AuthError && error.details.audited) await onRefusal(error, { ask, exchange })
      if (isForPeople(ask, exchange)) given = await errorPageOr(given, { ask, exchange }, error)
    }
    if (exchange.variesByAccept) given = varying(given)
    const line: RequestLine = {
      requestId: exchange.requestId,
      method: ask.method,
      route: exchange.route ?? maskedPath(ask.target),
      status: given.status,
      milliseconds: performance.now() - startedAt,
      client: exchange.clientAddress,
      refusal: exchange.refusal,
    }
    log.request(line)
    counts.note(line, exchange.route)
    return given
  }
}

/** A page, a form, or a path that nobody has, which a browser asked for. What programs ask for answers JSON to everybody. */
function isForPeople(ask: Ask, exchange: Exchange): boolean {
  return exchange.isPage || (exchange.route === null && prefersHtml({ ask }))
}

/** Of a path with two answers, for programs and for people: neither is taken for the other (RFC 9110 section 12.5.5). */
function varying(given: Answer): Answer {
  const { vary } = given.headers
  return { ...given, headers: { ...given.headers, vary: typeof vary === 'string' ? `${vary}, Accept` : 'Accept' } }
}

/** What a browser asks before it sends another origin's request: real methods, the headers we read, ten minutes (CHECKLIST R090). */
function preflight(exchange: Exchange, allow: string): Record<string, string> {
  if (exchange.corsOrigin === null) return {}
  return { 'access-control-allow-methods': allow, 'access-control-allow-headers': 'Content-Type, Accept', 'access-control-max-age': '600' }
}

/** A path that no route has, for the log: long parts may be secrets that somebody pasted, and the query is never logged (CHECKLIST R228). */
function maskedPath(target: string): string {
  const [path = ''] = target.split('?')
  return path.replaceAll(/[^/]{16,}/g, '***').slice(0, 120)
}
