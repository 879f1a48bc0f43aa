import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startService } from '../service-process.ts'
import { logIn, pick } from './actions.ts'
import { makeLedger } from './ledger.ts'
import { seed } from './load.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { openStage } from './stage.ts'
import { verify } from './verify.ts'

/** What src/server.ts promises, and a margin: it looks once a second, and a busy machine may be late. */
const HEADERS_MILLISECONDS = 10_000
const BODY_MILLISECONDS = 30_000
const MARGIN_MILLISECONDS = 4_000
const DRIP_MILLISECONDS = 1_000
const LOGIN_PAUSE_MILLISECONDS = 50

export const slowSockets: Scenario = {
  number: 5,
  title: 'slow clients',
  engines: ['sqlite', 'postgres'],
  // No database is asked by a request that is not complete.
  shortEngines: ['sqlite'],
  async run({ engine, postgres, short, progress }) {
    const count = short ? 100 : 1_000
    await using stage = await openStage(engine, postgres)
    await using service = await startService(stage.folder, stage.env)
    const ledger = makeLedger(service.url)
    await seed(ledger, 4)
    const port = Number(new URL(service.url).port)
    progress(`${count} slow clients`)
    const slow = Array.from({ length: count }, (_, at) => drip(port, !short && at % 2 === 1 ? 'body' : 'headers'))
    const deadline = short ? HEADERS_MILLISECONDS : BODY_MILLISECONDS
    ledger.beginOutageCount()
    const latencies: number[] = []
    const endsAt = performance.now() + deadline + MARGIN_MILLISECONDS
    while (performance.now() < endsAt && slow.some(({ closedAfter }) => closedAfter() === null)) {
      const sentAt = performance.now()
      const user = pick(ledger.users)
      const verdict = await logIn(ledger, user)
      if (verdict !== 'good') ledger.blame(`a login beside slow clients: ${verdict}`)
      latencies.push(performance.now() - sentAt)
      // A user keeps 50 sessions; the ledger knows of the end of none that gives way.
      if (user.live.length > 45) await endAll(ledger, user.live, user.ended)
      await delay(LOGIN_PAUSE_MILLISECONDS)
    }
    const late = slow.filter(({ place, closedAfter }) => (closedAfter() ?? Infinity) > limitOf(place) + MARGIN_MILLISECONDS)
    if (late.length > 0) ledger.blame(`${late.length} slow connections were not closed in time`)
    for (const { socket } of slow) socket.destroy()
    await verify(ledger, stage, { logins: true })
    ledger.client.close()
    latencies.sort((a, b) => a - b)
    const longest = (place: string) =>
      Math.max(...slow.filter((one) => one.place === place).map(({ closedAfter }) => closedAfter() ?? Infinity))
    return reportOf(ledger, {
      'slow connections': count,
      'in the headers, closed after at most': `${(longest('headers') / 1_000).toFixed(1)} s`,
      ...(!short && { 'in the body, closed after at most': `${(longest('body') / 1_000).toFixed(1)} s` }),
      'logins beside them': latencies.length,
      'login p99': `${Math.round(latencies[Math.floor(latencies.length * 0.99)] ?? 0)} ms`,
    })
  },
}

const limitOf = (place: 'headers' | 'body') => (place === 'headers' ? HEADERS_MILLISECONDS : BODY_MILLISECONDS)

/** A connection that sends a byte a second, in its headers or in its body. */
function drip(port: number, place: 'headers' | 'body') {
  const openedAt = performance.now()
  let closedAt: number | null = null
  const socket: Socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  const head = `POST /sessions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`
  socket.write(place === 'headers' ? `${head}X-Slow: ` : `${head}Content-Type: application/json\r\nContent-Length: 200\r\n\r\n`)
  const dripping = setInterval(() => socket.write('x'), DRIP_MILLISECONDS)
  socket.once('close', () => {
    clearInterval(dripping)
    closedAt = performance.now()
  })
  return { socket, place, closedAfter: () => (closedAt === null ? null : closedAt - openedAt) }
}

async function endAll(ledger: ReturnType<typeof makeLedger>, live: string[], ended: string[]): Promise<void> {
  const [keep = ''] = live
  const { verdict } = await ledger.ask('DELETE', '/sessions/others', { session: keep }, ({ status }) => status === 200)
  if (verdict !== 'good') return ledger.blame(`ending the other sessions: ${verdict}`)
  ledger.acknowledge()
  ended.push(...live.splice(1))
}
