import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** A server under measurement, alone in its process. */
export interface ServerProcess {
  readonly pid: number
  readonly origin: string
  /** Ask the process by a line on its standard input; it answers with a line. */
  ask(line: string): Promise<Record<string, unknown>>
  stop(): Promise<void>
}

export interface Program {
  /** Relative to bench/. */
  readonly file: string
  readonly env?: Readonly<Record<string, string>>
  readonly nodeOptions?: readonly string[]
  readonly cwd?: string
}

/** What a server's environment keeps of ours; nothing of it configures the service. */
const KEPT_ENV = ['PATH', 'HOME', 'TMPDIR']
const START_DEADLINE_MS = 20_000
const STOP_DEADLINE_MS = 5_000

export function pathTo(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url))
}

/** Start a server and wait for the line on standard output that tells its port. */
export async function startServer(program: Program): Promise<ServerProcess> {
  const { child, port, exited, stop } = await spawnServer(program)
  const lines = makeLineReader(child.stdout)
  await withDeadline(
    Promise.race([
      lines.next((line) => typeof line.port === 'number'),
      exited.then(() => Promise.reject(new Error(`${program.file} ended before it listened`))),
    ]),
    START_DEADLINE_MS,
    `${program.file} did not say its port`,
  )
  return {
    pid: child.pid ?? 0,
    origin: `http://127.0.0.1:${port}`,
    ask: (line) => {
      child.stdin.write(`${line}\n`)
      return lines.next(() => true)
    },
    stop,
  }
}

/** Milliseconds from the start of the process to the first 200 of a path; the server is stopped again. */
export async function timeToFirstAnswer(program: Program, path: string): Promise<number> {
  const startedAt = performance.now()
  const { child, port, stop } = await spawnServer(program)
  child.stdout.resume()
  try {
    while (!(await isAnswered(`http://127.0.0.1:${port}${path}`))) {
      if (performance.now() - startedAt > START_DEADLINE_MS) throw new Error(`${program.file} did not answer ${path}`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return performance.now() - startedAt
  } finally {
    await stop()
  }
}

/** Often enough for a resolution of 1 %, seldom enough to leave the starting process its core. */
const POLL_MS = 3

function isAnswered(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200))
    }).on('error', () => resolve(false))
  })
}

/** Its output is a pipe that must be read, as under a supervisor. */
async function spawnServer(program: Program) {
  const env = Object.fromEntries(KEPT_ENV.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
  const port = await freePort()
  const child = spawn(process.execPath, [...(program.nodeOptions ?? []), pathTo(program.file)], {
    cwd: program.cwd,
    env: { ...env, PORT: `${port}`, ...program.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.add(child)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => running.delete(child))
  const stop = async () => {
    child.kill('SIGTERM')
    const killing = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await exited
    clearTimeout(killing)
  }
  return { child, port, exited, stop }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

const running = new Set<ChildProcessByStdio<Writable, Readable, null>>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

type Line = Record<string, unknown>

/** Every line is read, so that the pipe never fills; only while somebody waits is one parsed. */
function makeLineReader(stream: Readable) {
  let waiting: { readonly wanted: (line: Line) => boolean; readonly resolve: (line: Line) => void } | null = null
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    if (!waiting) return
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) {
      const line: Line = JSON.parse(text)
      if (!waiting?.wanted(line)) continue
      const { resolve } = waiting
      waiting = null
      rest = ''
      resolve(line)
    }
  })
  return {
    next: (wanted: (line: Line) => boolean) =>
      new Promise<Line>((resolve) => {
        waiting = { wanted, resolve }
      }),
  }
}

export function withDeadline<T>(work: Promise<T>, milliseconds: number, sentence: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${sentence} within ${milliseconds} ms`)), milliseconds)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Linux counts CPU time in ticks of 10 ms (USER_HZ), on every architecture that Node runs on. */
const TICK_MICROSECONDS = 10_000

/** User and system time of all threads of a process so far: fields 14 and 15 of /proc/PID/stat (proc_pid_stat(5)). */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the name in parentheses and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS
}

/** Resident memory now and at its highest, in MB of a million bytes. */
export function residentMegabytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const read = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024) / 1_000_000
  return { now: read('VmRSS'), peak: read('VmHWM') }
}
