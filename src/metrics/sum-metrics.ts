import { AggregatorRegistry, Counter, type MetricObject } from 'prom-client'

/**
 * The metrics of all workers as one text: sums, and averages where a sum says nothing. A worker that is gone (`null`) takes its counts with it, which
 * Prometheus understands as a restart.
 */
export async function sumMetrics(parts: readonly unknown[], deaths: number): Promise<string> {
  // What `Metrics.json` of a worker gave.
  const present = parts.filter((part) => part !== null) as MetricObject[][]
  const registry = AggregatorRegistry.aggregate(present)
  new Counter({
    name: 'bienvenue_worker_deaths_total',
    help: 'Workers that died and were replaced.',
    registers: [registry],
  }).inc(deaths)
  return registry.metrics()
}
