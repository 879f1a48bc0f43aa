import type { Deps } from '../deps.ts'
import type { RequestCounts } from '../http/request-counts.ts'
import type { MailCounts } from '../mail/sender.ts'

/** The text format of Prometheus, as prom-client writes it. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** What this process has counted. */
export interface Metrics {
  /** For Prometheus. */
  text(): Promise<string>
  /** For the primary, which adds up those of its workers (sum-metrics.ts). */
  json(): Promise<unknown>
}

/** Until somebody asks, this is nothing but the counting itself: prom-client is loaded then. */
export function makeMetrics(deps: Pick<Deps, 'database' | 'hashQueue'>, requests: RequestCounts, mails: Readonly<MailCounts>): Metrics {
  let opened: ReturnType<typeof open> | null = null
  const open = async () => (await import('./registry.ts')).openRegistry({ ...deps, requests, mails })
  const registry = () => {
    opened ??= open()
    return opened
  }
  return {
    text: async () => (await registry()).metrics(),
    json: async () => (await registry()).getMetricsAsJSON(),
  }
}
