import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENGINE, ENGINE_ENV, freshDatabase } from './fresh-database.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** An empty folder that goes away with the test. */
export function temporaryFolder(): Disposable & { readonly path: string; file(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'bienvenue-'))
  return { path, file: (name) => join(path, name), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A folder to run the program in, on a database of the engine that this run is for: a file in it, or one on the server. */
export interface FreshPlace extends AsyncDisposable {
  readonly path: string
  file(name: string): string
  /** What the program needs in its environment to use that database. */
  readonly env: Readonly<Record<string, string>>
  /** Run one command of the program, to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>
  /** The real service in its own process. */
  start(env?: Readonly<Record<string, string>>): Promise<ServiceProcess & AsyncDisposable>
}

export async function freshPlace(): Promise<FreshPlace> {
  const folder = temporaryFolder()
  const database = await freshDatabase()
  const env: Record<string, string> = ENGINE === 'postgres' ? { ...ENGINE_ENV, DATABASE_URL: database.url } : {}
  return {
    path: folder.path,
    file: folder.file,
    env,
    run: (args, options = {}) => runCommand(folder.path, args, { ...options, env: { ...env, ...options.env } }),
    start: (more = {}) => startService(folder.path, { ...env, ...more }),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a child: nothing of ours leaks into it. */
function environmentOf(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return { PATH, HOME, ...env }
}

/** Run one command of the program in a folder, to its end. */
export function runCommand(cwd: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: environmentOf(options.env ?? {}) })
  child.stdin.end(options.input ?? '')
  return finished(child)
}

/** Run one command of the program that a test stops before its end. */
export function startCommand(cwd: string, args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: environmentOf({}), stdio: ['ignore', 'pipe', 'pipe'] })
  const end = finished(child)
  return {
    ended: () => child.exitCode !== null,
    stop(signal: NodeJS.Signals): Promise<Finished> {
      child.kill(signal)
      return end
    },
  }
}

function finished(child: ChildProcess): Promise<Finished> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

export interface ServiceProcess {
  readonly url: string
  /** The line that said so. */
  readonly started: { readonly url: string; readonly pid: number; readonly metrics?: string }
  /** Standard output so far. */
  output(): string
  /** Wait until standard output holds this. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  readonly pid: number
  /** Send a signal and wait for the end. */
  stop(signal?: NodeJS.Signals): Promise<Finished>
  /** What it wrote, if it ended by itself. */
  died(): string | null
  /** Send a message to a program that takes any, and wait for its answer. */
  tell(message: object): Promise<unknown>
}

export interface Program {
  /** The file to run, and its arguments. */
  readonly run: readonly string[]
  /** It speaks with us by messages too. */
  readonly messages?: boolean
}

/** A test that is interrupted leaves no service behind. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** The real service in its own process on a free port, once it says that it listens. */
export async function startService(
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  program: Program = { run: [main] },
): Promise<ServiceProcess & AsyncDisposable> {
  const child = spawn(process.execPath, program.run, {
    cwd,
    env: environmentOf({ PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'pipe', ...(program.messages ? (['ipc'] as const) : [])],
  })
  running.add(child)
  const end = finished(child)
  let died: string | null = null
  void end.then(({ code, stdout, stderr }) => {
    running.delete(child)
    died = `ended with ${code}: ${stdout}${stderr}`
  })
  let seen = ''
  const started = await new Promise<ServiceProcess['started']>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk
      const line = seen.split('\n').find((text) => text.includes('"event":"listening"'))
      if (line) resolve(JSON.parse(line))
    })
    void end.then(() => reject(new Error(`the service ${died}`)))
  })
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return end
  }
  const said = async (pattern: RegExp) => {
    let found = pattern.exec(seen)
    while (found === null) {
      await once(child.stdout as NodeJS.EventEmitter, 'data')
      found = pattern.exec(seen)
    }
    return found
  }
  const tell = (message: object) =>
    new Promise<unknown>((resolve) => {
      child.once('message', resolve)
      child.send(message)
    })
  return {
    url: started.url,
    pid: child.pid ?? 0,
    started,
    output: () => seen,
    said,
    stop,
    tell,
    died: () => died,
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  }
}
