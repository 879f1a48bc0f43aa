import type { Config } from '../config.ts'
import type { Exchange } from './exchange.ts'

/** Headers of one answer: a value, or several lines of it. */
export type AnswerHeaders = Record<string, string | readonly string[]>

/** A plain answer, written as a `Response` by fetch-shell.ts and to a Node socket by node-handler.ts. */
export interface Answer {
  readonly status: number
  readonly body: string | Uint8Array | null
  readonly headers: AnswerHeaders
}

/** Nothing of an API answer is ever to be shown, framed, sniffed, cached or loaded by another site (CHECKLIST R091, R217, R218, R220). */
const API_HEADERS: AnswerHeaders = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** HTML pages: our own style, picture and script, nothing inline, no frame, forms to ourselves (CHECKLIST R216, R222). */
const PAGE_HEADERS: AnswerHeaders = {
  ...API_HEADERS,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pagePolicy([]),
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), publickey-credentials-create=(self), publickey-credentials-get=(self)',
}

/** A browser asks `form-action` again where a form's answer redirects to: after a login, to an application that may be returned to. */
function pagePolicy(returnOrigins: readonly string[]): string {
  const formAction = ["'self'", ...returnOrigins].join(' ')
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action ${formAction}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'`
}

/** One year. Without includeSubDomains: the other names of the domain are not ours to decide about (CHECKLIST R219). */
const HSTS = 'max-age=31536000'

export interface Answers {
  /** For the end of a session at the service itself: browsers drop what they kept of it. The library never speaks for the whole origin (CHECKLIST R065, R295). */
  readonly clearSiteData: AnswerHeaders
  json(exchange: Exchange, status: number, body: object, headers?: AnswerHeaders): Answer
  page(exchange: Exchange, status: number, html: string, headers?: AnswerHeaders): Answer
  /** Text for programs, never kept. */
  text(exchange: Exchange, body: string, contentType: string): Answer
  /** Bytes of our own: a stylesheet, a script, a picture. */
  file(exchange: Exchange, body: string | Uint8Array, contentType: string, headers?: AnswerHeaders): Answer
  empty(exchange: Exchange, status: number, headers?: AnswerHeaders): Answer
}

/** Answers of one service; only the service itself, never the library form, speaks for the whole host with HSTS. */
export function makeAnswers(config: Config, form: 'service' | 'library'): Answers {
  const hsts: AnswerHeaders = form === 'service' && config.publicUrl.https ? { 'strict-transport-security': HSTS } : {}
  const api = { ...API_HEADERS, ...hsts }
  const page = { ...PAGE_HEADERS, 'content-security-policy': pagePolicy([...config.allowedOrigins]), ...hsts }
  const varies = config.allowedOrigins.size > 0

  function headers(base: AnswerHeaders, exchange: Exchange, more: AnswerHeaders | undefined): AnswerHeaders {
    const all: AnswerHeaders = { ...base, 'x-request-id': exchange.requestId, ...more }
    if (varies) addCors(all, exchange.corsOrigin)
    return all
  }
  return {
    clearSiteData: form === 'service' ? { 'clear-site-data': '"cache"' } : {},
    json: (exchange, status, body, more) => ({ status, body: JSON.stringify(body), headers: headers(api, exchange, more) }),
    page: (exchange, status, html, more) => ({ status, body: html, headers: headers(page, exchange, more) }),
    text: (exchange, body, contentType) => ({ status: 200, body, headers: headers(api, exchange, { 'content-type': contentType }) }),
    file: (exchange, body, contentType, more) => ({
      status: 200,
      body,
      headers: headers(page, exchange, { 'content-type': contentType, 'cache-control': 'public, max-age=300', ...more }),
    }),
    empty: (exchange, status, more) => {
      const { 'content-type': _, ...rest } = headers(api, exchange, more)
      return { status, body: null, headers: rest }
    },
  }
}

/** Only an origin on the list is echoed, never `*`, never `null` (CHECKLIST R089). The answer differs by origin either way. */
function addCors(headers: AnswerHeaders, origin: string | null): void {
  headers.vary = typeof headers.vary === 'string' ? `${headers.vary}, Origin` : 'Origin'
  if (origin === null) return
  headers['access-control-allow-origin'] = origin
  headers['access-control-allow-credentials'] = 'true'
  headers['access-control-expose-headers'] = 'X-Request-Id, Retry-After'
  headers['cross-origin-resource-policy'] = 'cross-origin'
}
