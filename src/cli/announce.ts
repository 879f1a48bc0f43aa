import { isoTime } from '../clock.ts'
import { type Config, describeDatabase } from '../config.ts'
import type { Log } from '../log.ts'
import { parsePublicUrl } from '../setting-parsers.ts'

/** With PORT=0 only the bound socket knows the port, and the default public URL follows it. */
export function withRealPort(config: Config, port: number): Config {
  if (config.listen.port === port) return config
  const followsPort = config.publicUrl.origin === `http://localhost:${config.listen.port}`
  return {
    ...config,
    listen: { ...config.listen, port },
    publicUrl: followsPort ? parsePublicUrl(`http://localhost:${port}${config.publicUrl.pathPrefix}`) : config.publicUrl,
  }
}

/** Ask the service as a client on this machine would, by the name it would use. */
export async function checkService(config: Config): Promise<void> {
  const host =
    config.listen.hosts.includes('127.0.0.1') || config.listen.hosts.includes('::1')
      ? 'localhost'
      : config.listen.hosts[0]?.includes(':')
        ? `[${config.listen.hosts[0]}]`
        : config.listen.hosts[0]
  const url = `http://${host}:${config.listen.port}${config.publicUrl.pathPrefix}/healthz`
  const status = await new Promise<number>((resolve, reject) => {
    // Not `fetch`: its first use costs as much as half of this start.
    process
      .getBuiltinModule('node:http')
      .get(url, { agent: false }, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
  }).catch((error: unknown) => {
    throw new Error(`The service listens, but ${url} cannot be reached`, { cause: error })
  })
  if (status !== 200) throw new Error(`The service listens, but ${url} answered ${status}`)
}

/** Say once that the service is there. */
export function announce(config: Config, metricsUrl: string | null, log: Log): void {
  const base = `${config.publicUrl.origin}${config.publicUrl.pathPrefix}`
  const data = describeDatabase(config.database)
  // On a pipe the lines are for programs; people read them on a terminal.
  if (!process.stdout.isTTY) {
    // Whatever the log's level: with PORT=0 nothing else says the address.
    log.flush()
    console.log(
      JSON.stringify({
        level: 'info',
        time: isoTime(),
        event: 'listening',
        pid: process.pid,
        url: base,
        port: config.listen.port,
        database: data,
        posture: config.posture,
        ...(config.workers > 1 && { workers: config.workers }),
        ...(metricsUrl !== null && { metrics: metricsUrl }),
      }),
    )
    return
  }
  const workers = config.workers > 1 ? `\n  Workers: ${config.workers}` : ''
  const metrics = metricsUrl === null ? '' : `\n  Metrics: ${metricsUrl}`
  console.log(`
  ${config.name} is ready at ${base}  (posture: ${config.posture})
  Data: ${data}${workers}${metrics}

  Try it:
    curl -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/users
    curl -c cookies.txt -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/sessions
    curl -b cookies.txt ${base}/profile

  Every route: ${base}/docs     Stop: Ctrl-C
`)
}
