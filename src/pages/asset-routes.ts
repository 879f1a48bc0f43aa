import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { Answer, AnswerHeaders, Answers } from '../http/answer.ts'
import type { Route, RouteContext } from '../http/route.ts'
import { styleOf } from './style.ts'

/** What pages are shown with: the stylesheet, the script, the operator's picture. */
export function assetRoutes(deps: Pick<Deps, 'config'>, answers: Answers): Route[] {
  const { logo } = deps.config.appearance
  const css = (config: Config) => Buffer.from(styleOf(config))
  const script = () => Buffer.concat([webauthn(), readFileSync(new URL('browser.js', import.meta.url))])
  return [
    asset(answers, '/style.css', 'text/css; charset=utf-8', () => css(deps.config)),
    asset(answers, '/pages.js', 'text/javascript; charset=utf-8', script),
    ...(logo === null ? [] : [asset(answers, '/logo', logo.contentType, () => logo.bytes, LOGO_HEADERS)]),
  ]
}

/** The library's own bundle for browsers, before ours: it knows what each of them does otherwise with passkeys. */
function webauthn(): Uint8Array {
  return readFileSync(new URL('../dist/bundle/index.umd.min.js', import.meta.resolve('@simplewebauthn/browser')))
}

/** Opened by itself, an SVG is a document: it runs nothing and loads nothing, whatever is in it (CHECKLIST R225). */
const LOGO_HEADERS: AnswerHeaders = { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox" }

/** Read and compressed at the first request, kept from then on. */
function asset(answers: Answers, path: string, contentType: string, read: () => Uint8Array, more: AnswerHeaders = {}): Route {
  let kept: { readonly plain: Uint8Array; readonly gzip: Uint8Array } | null = null
  return {
    method: 'GET',
    path,
    summary: path,
    access: 'anyone',
    isPage: true,
    answers: { 200: { description: 'A file', contentType } },
    handle(c): Answer {
      if (kept === null) {
        const plain = read()
        kept = { plain, gzip: gzipSync(plain, { level: 9 }) }
      }
      const headers = { ...more, vary: 'Accept-Encoding' }
      if (!takesGzip(c)) return answers.file(c.exchange, kept.plain, contentType, headers)
      return answers.file(c.exchange, kept.gzip, contentType, { ...headers, 'content-encoding': 'gzip' })
    },
  }
}

/** RFC 9110 section 12.5.3; with a weight of zero it is not wanted. */
function takesGzip({ ask }: RouteContext): boolean {
  const wanted = (ask.header('accept-encoding') ?? '').toLowerCase().slice(0, 500).split(',')
  return wanted.some((one) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(one))
}
