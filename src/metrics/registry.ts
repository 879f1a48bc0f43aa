import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { Deps } from '../deps.ts'
import type { RequestCounts } from '../http/request-counts.ts'
import { BUCKET_MILLISECONDS, type LatencyHistogram } from '../latency-histogram.ts'
import { countWaiting } from '../mail/mail.ts'
import type { MailCounts } from '../mail/sender.ts'
import { VERSION } from '../version.ts'

type Counted = Pick<Deps, 'database' | 'hashQueue'> & { readonly requests: RequestCounts; readonly mails: Readonly<MailCounts> }
type Labels = Readonly<Record<string, string | number>>

interface Sample {
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How the values of several workers become one. */
  readonly aggregator?: 'sum' | 'first'
  /** Read when somebody asks. */
  readonly read: () => Sample[] | Promise<Sample[]>
}

/** Everything that this service tells Prometheus. docs/operations.md explains each; no label holds what a client sent (CHECKLIST R292). */
export function openRegistry(counted: Counted): Registry {
  const registry = new Registry()
  for (const family of [...requestFamilies(counted), ...workFamilies(counted), ...mailFamilies(counted), ...processFamilies()])
    register(registry, family)
  collectDefaultMetrics({ register: registry })
  return registry
}

function requestFamilies({ requests }: Counted): Family[] {
  const byRoute = () =>
    [...requests.routes].flatMap(([route, methods]) =>
      [...methods].map(([method, counts]) => ({ labels: { method, route: route ?? 'none' }, counts })),
    )
  return [
    {
      name: 'bienvenue_http_requests_total',
      help: 'Requests answered, by method, route (its pattern) and status.',
      type: 'counter',
      read: () =>
        byRoute().flatMap(({ labels, counts }) =>
          [...counts.statuses].map(([status, value]) => ({ labels: { ...labels, status }, value })),
        ),
    },
    histogram('bienvenue_http_request_duration_seconds', 'Time from a request to its answer, by method and route.', () =>
      byRoute().map(({ labels, counts }) => ({ labels, latency: counts.latency })),
    ),
    {
      name: 'bienvenue_refusals_total',
      help: 'Requests refused, by error code.',
      type: 'counter',
      read: () => [...requests.refusals].map(([error, value]) => ({ labels: { error }, value })),
    },
  ]
}

function workFamilies({ database, hashQueue }: Counted): Family[] {
  const { reads, transactions, sessions } = database.counts
  const families: Family[] = [
    gauge('bienvenue_hash_queue_running', 'Passwords being hashed at this moment.', () => [{ labels: {}, value: hashQueue.running }]),
    gauge('bienvenue_hash_queue_waiting', 'Passwords waiting to be hashed.', () => [{ labels: {}, value: hashQueue.waiting }]),
    histogram('bienvenue_hash_queue_wait_seconds', 'Time that a password waited for its turn.', () => [
      { labels: {}, latency: hashQueue.wait },
    ]),
    histogram('bienvenue_database_duration_seconds', 'Time of a read, and of a transaction with the wait for its turn.', () => [
      { labels: { operation: 'read' }, latency: reads },
      { labels: { operation: 'transaction' }, latency: transactions },
    ]),
    {
      name: 'bienvenue_sessions_created_total',
      help: 'Sessions begun.',
      type: 'counter',
      read: () => [{ labels: {}, value: sessions.get('created') ?? 0 }],
    },
    {
      name: 'bienvenue_sessions_ended_total',
      help: 'Sessions ended by these processes, by reason.',
      type: 'counter',
      read: () => [...sessions].filter(([what]) => what !== 'created').map(([reason, value]) => ({ labels: { reason }, value })),
    },
  ]
  if (database.pool() === null) return families
  const pool = (read: (state: NonNullable<ReturnType<typeof database.pool>>) => Sample[]) => () => {
    const state = database.pool()
    return state === null ? [] : read(state)
  }
  return [
    ...families,
    gauge(
      'bienvenue_database_pool_connections',
      'Connections to PostgreSQL, by state.',
      pool(({ total, idle }) => [
        { labels: { state: 'busy' }, value: total - idle },
        { labels: { state: 'idle' }, value: idle },
      ]),
    ),
    gauge(
      'bienvenue_database_pool_waiting',
      'Requests waiting for a connection to PostgreSQL.',
      pool(({ waiting }) => [{ labels: {}, value: waiting }]),
    ),
  ]
}

function mailFamilies({ database, mails }: Counted): Family[] {
  return [
    {
      name: 'bienvenue_mails_total',
      help: 'Attempts to send a mail, by outcome; expired: given up.',
      type: 'counter',
      read: () => Object.entries(mails).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    {
      // All processes count the same rows.
      ...gauge('bienvenue_mails_waiting', 'Mails that are still to be sent.', async () => {
        const value = await countWaiting({ database }).catch(() => null)
        return value === null ? [] : [{ labels: {}, value }]
      }),
      aggregator: 'first',
    },
  ]
}

function processFamilies(): Family[] {
  return [
    gauge('bienvenue_workers', 'Processes that serve.', () => [{ labels: {}, value: 1 }]),
    {
      ...gauge('bienvenue_build_info', 'The version that runs; the value is always 1.', () => [{ labels: { version: VERSION }, value: 1 }]),
      aggregator: 'first',
    },
  ]
}

function gauge(name: string, help: string, read: Family['read']): Family {
  return { name, help, type: 'gauge', read }
}

function histogram(name: string, help: string, read: () => { labels: Labels; latency: LatencyHistogram }[]): Family {
  return { name, help, type: 'histogram', read: () => read().flatMap(({ labels, latency }) => bucketSamples(name, labels, latency)) }
}

/** Prometheus counts in each bucket those below too. */
function bucketSamples(name: string, labels: Labels, { counts, sumMilliseconds }: LatencyHistogram): Sample[] {
  let count = 0
  const buckets = [...BUCKET_MILLISECONDS, null].map((upperEnd, at) => {
    count += counts[at] ?? 0
    return { metricName: `${name}_bucket`, labels: { ...labels, le: upperEnd === null ? '+Inf' : upperEnd / 1_000 }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumMilliseconds / 1_000 },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

/**
 * prom-client's own counters cost a look-up by labels each time; ours are plain numbers that it reads when somebody asks. All that it wants of a
 * metric is its `get`.
 */
function register(registry: Registry, { name, help, type, aggregator = 'sum', read }: Family): void {
  const metric = { name, help, type, aggregator, get: async () => ({ name, help, type, aggregator, values: await read() }) }
  // Its types name its own classes only.
  registry.registerMetric(metric as unknown as Metric)
}
