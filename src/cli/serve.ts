import { isoTime } from '../clock.ts'
import { type Config, describeDatabase } from '../config.ts'
import { toNodeHandler } from '../http/node-handler.ts'
import { type Log, makeLog } from '../log.ts'
import { openAuth } from '../open-auth.ts'
import { listen } from '../server.ts'
import { parsePublicUrl } from '../setting-parsers.ts'

/** Run the service until SIGTERM or SIGINT. */
export async function serve(config: Config): Promise<void> {
  const log = makeLog(config.logLevel)
  const listener = await listen(config)
  const settled = withRealPort(config, listener.port)
  const auth = await openAuth(settled, { form: 'service', log }).catch(async (error: unknown) => {
    await listener.close()
    throw error
  })
  listener.handleWith(toNodeHandler(auth))

  let stopping = false
  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ event: 'stopping', signal })
    await listener.close()
    await auth.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    // Nothing half-open goes on: log, and let the supervisor start afresh (CHECKLIST R279).
    process.on(event, (error) => {
      log.error({ event, err: error })
      process.exit(1)
    })
  }
  await checkSelf(settled, listener.port)
  announce(settled, listener.port, log)
}

/** With PORT=0 only the bound socket knows the port, and the default public URL follows it. */
function withRealPort(config: Config, port: number): Config {
  if (config.listen.port === port) return config
  const followsPort = config.publicUrl.origin === `http://localhost:${config.listen.port}`
  return {
    ...config,
    listen: { ...config.listen, port },
    publicUrl: followsPort ? parsePublicUrl(`http://localhost:${port}${config.publicUrl.pathPrefix}`) : config.publicUrl,
  }
}

/** Ask ourselves as a client on this machine would, by the name it would use. */
async function checkSelf(config: Config, port: number): Promise<void> {
  const host =
    config.listen.hosts.includes('127.0.0.1') || config.listen.hosts.includes('::1')
      ? 'localhost'
      : config.listen.hosts[0]?.includes(':')
        ? `[${config.listen.hosts[0]}]`
        : config.listen.hosts[0]
  const url = `http://${host}:${port}${config.publicUrl.pathPrefix}/healthz`
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

function announce(config: Config, port: number, log: Log): void {
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
        port,
        database: data,
        posture: config.posture,
      }),
    )
    return
  }
  console.log(`
  ${config.name} is ready at ${base}  (posture: ${config.posture})
  Data: ${data}

  Try it:
    curl -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/users
    curl -c cookies.txt -d 'email=bob@bob.com' -d 'password=mySuperPwd' ${base}/sessions
    curl -b cookies.txt ${base}/profile

  Every route: ${base}/docs     Stop: Ctrl-C
`)
}
