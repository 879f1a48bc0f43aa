import { AggregatorRegistry, Counter, Gauge, type MetricObject, type Registry } from 'prom-client'
import type { LivingWorker, Part } from './worker-metrics.ts'

/** The metrics of all workers as one text: sums, and averages where a sum says nothing. Of those that died only what they counted is in it. */
export function sumMetrics(workers: readonly LivingWorker[], departed: readonly Part[], deaths: number): Promise<string> {
  const registry = aggregate([...workers.flatMap(({ part }) => (part ? [part] : [])), ...departed.map(countsOf)])
  // A worker that has never answered is one all the same.
  registry.removeSingleMetric('bienvenue_workers')
  addGauge(registry, 'bienvenue_workers', 'Processes that serve.', workers.length)
  const answering = workers.filter((worker) => worker.answered).length
  addGauge(registry, 'bienvenue_workers_answering', 'Processes whose figures are of this moment.', answering)
  const name = 'bienvenue_worker_deaths_total'
  new Counter({ name, help: 'Workers that died and were replaced.', registers: [registry] }).inc(deaths)
  addByWorker(registry, workers)
  return registry.metrics()
}

/** The counts of several workers as one part. */
export function addUpCounts(parts: readonly Part[]): Part {
  return aggregate(parts.map(countsOf)).getMetricsAsArray() as unknown as Part
}

/** How many, and how long, is true of a worker for ever; how much at this moment is not, once it is dead. */
function countsOf(part: Part): Part {
  return part.filter(({ type }) => type === 'counter' || type === 'histogram')
}

function aggregate(parts: readonly Part[]): Registry {
  // Its types leave out the values.
  return AggregatorRegistry.aggregate(parts as unknown as MetricObject[][])
}

function addGauge(registry: Registry, name: string, help: string, value: number): void {
  new Gauge({ name, help, registers: [registry] }).set(value)
}

/** Those that live only, or there would be more and more series. */
function addByWorker(registry: Registry, workers: readonly LivingWorker[]): void {
  const common = { labelNames: ['worker'], registers: [registry] }
  const requests = new Counter({ ...common, name: 'bienvenue_worker_requests_total', help: 'Requests answered, by worker.' })
  const memory = new Gauge({ ...common, name: 'bienvenue_worker_resident_memory_bytes', help: 'Resident memory, by worker.' })
  for (const { worker, part } of workers) {
    if (part === null) continue
    requests.inc({ worker }, total(part, 'bienvenue_http_requests_total'))
    memory.set({ worker }, total(part, 'process_resident_memory_bytes'))
  }
}

function total(part: Part, name: string): number {
  return part.find((metric) => metric.name === name)?.values?.reduce((sum, { value }) => sum + value, 0) ?? 0
}
