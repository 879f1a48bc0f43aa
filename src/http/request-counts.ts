import { type LatencyHistogram, makeLatencyHistogram } from '../latency-histogram.ts'
import type { RequestLine } from '../log.ts'

/** What the front door has answered, in plain numbers; metrics/ puts them into words when somebody asks. */
export interface RequestCounts {
  /** Count an answered request. `route` is the pattern, `null` where none was found: a path may hold an id or a secret (CHECKLIST R292). */
  note(line: RequestLine, route: string | null): void
  /** By route, then by method. */
  readonly routes: ReadonlyMap<string | null, ReadonlyMap<string, RouteCounts>>
  /** By error code. */
  readonly refusals: ReadonlyMap<string, number>
}

export interface RouteCounts {
  readonly statuses: Map<number, number>
  readonly latency: LatencyHistogram
}

/** Methods in a request to no route are anybody's invention: the others are one. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function makeRequestCounts(): RequestCounts {
  const routes = new Map<string | null, Map<string, RouteCounts>>()
  const refusals = new Map<string, number>()

  function countsOf(route: string | null, method: string): RouteCounts {
    const known = routes.get(route)?.get(method)
    if (known) return known
    if (route === null && !METHODS.has(method) && method !== 'other') return countsOf(route, 'other')
    const counts = { statuses: new Map(), latency: makeLatencyHistogram() }
    routes.set(route, (routes.get(route) ?? new Map()).set(method, counts))
    return counts
  }

  return {
    note({ method, status, milliseconds, refusal }, route) {
      const { statuses, latency } = countsOf(route, method)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      latency.observe(milliseconds)
      if (refusal !== null) refusals.set(refusal.code, (refusals.get(refusal.code) ?? 0) + 1)
    },
    routes,
    refusals,
  }
}
