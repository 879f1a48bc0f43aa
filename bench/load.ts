import { spawn } from 'node:child_process'
import { pathTo, withDeadline } from './process.ts'

/** A request that is sent again and again. */
export interface Target {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
}

/** A process of ours that prints one JSON line and ends. */
export async function runForJson(args: readonly string[], seconds: number): Promise<Record<string, never>> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let problems = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    problems += chunk
  })
  try {
    await withDeadline(new Promise((resolve) => child.once('close', resolve)), seconds * 1_000 + 15_000, `${args[0]} did not end`)
  } finally {
    child.kill('SIGKILL')
  }
  if (output === '') throw new Error(`${args[0]} printed nothing: ${problems}`)
  return JSON.parse(output)
}

/** Load by autocannon, as many requests as `connections` keep-alive connections carry. Anything but a 2xx fails the run. */
export async function load(target: Target, options: { readonly connections: number; readonly seconds: number }): Promise<LoadResult> {
  const { connections, seconds } = options
  const headers = Object.entries(target.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}=${value}`])
  const body = target.body === undefined ? [] : ['-b', target.body]
  const result = await runForJson(
    [
      pathTo('node_modules/autocannon/autocannon.js'),
      ...['-j', '-n', '-c', `${connections}`, '-d', `${seconds}`, '-m', target.method ?? 'GET'],
      ...headers,
      ...body,
      target.url,
    ],
    seconds,
  )
  const { requests, duration, non2xx, errors, timeouts } = result as unknown as {
    requests: { total: number }
    duration: number
    non2xx: number
    errors: number
    timeouts: number
  }
  if (non2xx + errors + timeouts > 0 || requests.total === 0)
    throw new Error(
      `${target.method ?? 'GET'} ${target.url}: ${requests.total} good, ${non2xx} refused, ${errors} errors, ${timeouts} timeouts`,
    )
  return { requests: requests.total, perSecond: requests.total / duration }
}

export interface Latencies {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Latency in milliseconds at a fixed rate, from a process of its own (probe.ts). */
export async function probe(target: Target, options: { readonly perSecond: number; readonly seconds: number }): Promise<Latencies> {
  const { failed, ...latencies } = (await runForJson(
    [pathTo('probe.ts'), JSON.stringify({ ...options, url: target.url, headers: target.headers ?? {} })],
    options.seconds,
  )) as unknown as Latencies & { failed: number }
  if (failed > 0) throw new Error(`GET ${target.url}: ${failed} of ${latencies.count} were not 200`)
  return latencies
}
