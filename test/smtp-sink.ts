import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer as readAll } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { type AddressObject, type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as it arrived. */
export interface ReceivedMail {
  /** The envelope: RCPT TO. */
  readonly recipients: readonly string[]
  readonly from: string
  readonly secure: boolean
  readonly raw: string
  readonly parsed: ParsedMail
}

/** What the server does; tests turn these while it runs. */
export interface SmtpBehaviour {
  /** Recipients that get 550. */
  readonly refused: Set<string>
  /** 451 for every mail while this is true. */
  busy: boolean
  /** Before it takes the message. */
  delayMilliseconds: number
  /** Every connection is closed without a word. */
  down: boolean
  /** Called when a message is complete, before it is acknowledged. */
  onMessage: ((mail: ReceivedMail) => Promise<void>) | null
}

export interface SmtpSink extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly mails: ReceivedMail[]
  readonly behaviour: SmtpBehaviour
  /** Connections that were opened so far. */
  connections(): number
  /** Passwords that clients logged in with. */
  readonly logins: string[]
}

interface SinkOptions {
  /** `starttls`: offered, with a certificate that nobody has signed; `tls`: from the first byte; `none`: not offered. */
  readonly tls?: 'starttls' | 'tls' | 'none'
  readonly auth?: boolean
  readonly port?: number
}

/** A real SMTP server on a free port of this machine, which keeps what it is sent. */
export async function startSmtpSink({ tls = 'starttls', auth = false, port = 0 }: SinkOptions = {}): Promise<SmtpSink> {
  const mails: ReceivedMail[] = []
  const logins: string[] = []
  const behaviour: SmtpBehaviour = { refused: new Set(), busy: false, delayMilliseconds: 0, down: false, onMessage: null }
  let connections = 0
  const options: SMTPServerOptions = {
    secure: tls === 'tls',
    authOptional: !auth,
    disabledCommands: [...(tls === 'none' ? ['STARTTLS'] : []), ...(auth ? [] : ['AUTH'])],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    // Else it warns on standard error that the key of its own certificate is known.
    logger: false,
    onAuth({ username, password }, _session, callback) {
      logins.push(`${username}:${password}`)
      callback(null, { user: username })
    },
    onRcptTo({ address }, _session, callback) {
      const refused = behaviour.refused.has(address)
      callback(refused ? Object.assign(new Error(`5.1.1 <${address}> user unknown`), { responseCode: 550 }) : null)
    },
    async onData(stream, session, callback) {
      const raw = await readAll(stream).catch(() => null)
      // Whoever sent it has gone in the middle.
      if (raw === null) return callback(new Error('incomplete'))
      const { mailFrom, rcptTo } = session.envelope
      const recipients = rcptTo.map(({ address }) => address)
      const parsed = await simpleParser(raw)
      const mail = { recipients, from: mailFrom ? mailFrom.address : '', secure: session.secure, raw: raw.toString('latin1'), parsed }
      if (behaviour.delayMilliseconds > 0) await delay(behaviour.delayMilliseconds)
      if (behaviour.busy) return callback(Object.assign(new Error('4.3.2 try again later'), { responseCode: 451 }))
      await behaviour.onMessage?.(mail)
      mails.push(mail)
      callback(null)
    },
  }
  const server = new SMTPServer(options)
  // A client that does not trust the certificate hangs up.
  server.on('error', () => {})
  server.server.on('connection', (socket) => {
    connections++
    if (behaviour.down) socket.destroy()
  })
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const bound = (server.server.address() as AddressInfo).port
  return {
    url: `${tls === 'tls' ? 'smtps' : 'smtp'}://127.0.0.1:${bound}`,
    port: bound,
    mails,
    logins,
    behaviour,
    connections: () => connections,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** The addresses of a header. */
export function addressesOf(header: AddressObject | AddressObject[] | undefined): string[] {
  return [header ?? []].flat().flatMap(({ value }) => value.map(({ address = '' }) => address))
}
