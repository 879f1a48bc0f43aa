// Requests at a fixed rate, each sent when it is due whether or not the earlier ones are answered (no coordinated omission).
// Prints one JSON line of latencies in milliseconds. Usage: node probe.ts '{"url":…,"headers":…,"perSecond":…,"seconds":…}'
import { Agent, get } from 'node:http'
import { constants, setPriority } from 'node:os'

const { url, headers, perSecond, seconds } = JSON.parse(process.argv[2] ?? '{}')

try {
  // Where it is allowed, the stopwatch does not queue for the cores that it watches others queue for.
  setPriority(constants.priority.PRIORITY_HIGHEST)
} catch {
  // Then its own wait is part of what it reports.
}

const agent = new Agent({ keepAlive: true, maxSockets: 32, scheduling: 'lifo' })
const latencies: number[] = []
let failed = 0

function request(): Promise<void> {
  return new Promise((resolve) => {
    const sentAt = performance.now()
    const finish = (good: boolean) => {
      latencies.push(performance.now() - sentAt)
      if (!good) failed++
      resolve()
    }
    get(url, { agent, headers }, (response) => {
      response.resume().on('end', () => finish(response.statusCode === 200))
    }).on('error', () => finish(false))
  })
}

// The first requests open connections and compile the path.
for (let count = 0; count < 50; count++) await request()
latencies.length = 0
failed = 0

const total = Math.floor(perSecond * seconds)
const startedAt = performance.now()
const pending: Promise<void>[] = []
while (pending.length < total) {
  const due = startedAt + (pending.length * 1_000) / perSecond
  const wait = due - performance.now()
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  pending.push(request())
}
await Promise.all(pending)
agent.destroy()

latencies.sort((a, b) => a - b)
const at = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))]
console.log(JSON.stringify({ count: latencies.length, failed, p50: at(0.5), p99: at(0.99), max: latencies.at(-1) }))
