import { z } from 'zod'
import { isMigrated } from '../db/migrate.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answers } from '../http/answer.ts'
import type { Route } from '../http/route.ts'
import { messageAnswer } from '../http/schemas.ts'
import { METRICS_CONTENT_TYPE } from '../metrics/metrics.ts'
import { renderDocsPage } from './docs-page.ts'
import { openApiDocument } from './openapi.ts'

interface Described {
  readonly version: string
  readonly cookieName: string
  /** Every route, these included; asked for when a page is wanted. */
  readonly routes: () => readonly Route[]
  /** What `GET /metrics` answers; `null`: there is no such route. */
  readonly metricsText: (() => Promise<string>) | null
}

/** The service about itself: is it alive, what can it do. */
export function serviceRoutes(deps: Deps, answers: Answers, described: Described): Route[] {
  const document = once(() => openApiDocument(deps.config, described.version, described.cookieName, described.routes()))
  const docsPage = once(() => renderDocsPage(deps.config, described.routes(), document()))
  const anyone = 'anyone' as const
  return [
    {
      method: 'GET',
      path: '/',
      summary: 'Bienvenue',
      access: anyone,
      answers: { 200: { description: 'A greeting; a page for browsers', body: messageAnswer('Bienvenue') } },
      handle: (c) => answers.json(c.exchange, 200, { message: 'Bienvenue' }),
    },
    {
      method: 'GET',
      path: '/healthz',
      summary: 'Is the process alive?',
      access: anyone,
      answers: { 200: { description: 'Alive', body: z.strictObject({ status: z.literal('ok') }) } },
      handle: (c) => answers.json(c.exchange, 200, { status: 'ok' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'Is the database reachable and migrated?',
      access: anyone,
      answers: { 200: { description: 'Ready', body: z.strictObject({ status: z.literal('ready') }) } },
      async handle(c) {
        const { database } = deps
        const asked = database.requireWritable().then(() => isMigrated(database))
        const migrated = await asked.catch((error: unknown) => {
          // Whatever keeps the question from being answered keeps the service from being ready.
          throw new AuthError('unavailable', { logged: 'the database did not answer' }, { cause: error })
        })
        if (!migrated) throw new AuthError('unavailable', { logged: 'not migrated' })
        return answers.json(c.exchange, 200, { status: 'ready' })
      },
    },
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This interface as OpenAPI 3.1',
      access: anyone,
      answers: { 200: { description: 'The document', body: z.record(z.string(), z.unknown()) } },
      handle: (c) => answers.json(c.exchange, 200, document()),
    },
    {
      method: 'GET',
      path: '/docs',
      summary: 'This interface as a page',
      access: anyone,
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
      handle: async (c) => answers.page(c.exchange, 200, await docsPage()),
    },
    ...(described.metricsText ? [metricsRoute(answers, described.metricsText)] : []),
  ]
}

function metricsRoute(answers: Answers, text: () => Promise<string>): Route {
  return {
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics for Prometheus',
    description: 'Only in the classic posture; elsewhere they have an address of their own, BIENVENUE_METRICS_ADDRESS.',
    access: 'anyone',
    answers: { 200: { description: 'Metrics in the text format', contentType: 'text/plain' } },
    handle: async (c) => answers.text(c.exchange, await text(), METRICS_CONTENT_TYPE),
  }
}

/** Made at the first use, kept from then on: nothing of it slows the start. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
