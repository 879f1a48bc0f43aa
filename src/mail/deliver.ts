import type { Config } from '../config.ts'
import type { SmtpServer } from '../setting-parsers.ts'
import { oneLine } from './clean-text.ts'
import type { MessageKind } from './message.ts'

/** A mail on its way out. */
export interface OutgoingMail {
  /** The same at each attempt, so that who sends it can tell a second one. */
  readonly id: string
  readonly kind: MessageKind
  /** One plain address. */
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly createdAt: Date
}

/** The library's way to send in SMTP's place. Done when it resolves; when it throws, the mail is tried again. */
export type SendMail = (mail: OutgoingMail) => Promise<void>

/** What came of one attempt. */
export type Outcome =
  | { readonly result: 'sent'; readonly answer: string | null }
  /** The server will never take it for this recipient. */
  | { readonly result: 'refused'; readonly answer: string | null; readonly smtpCode: number }
  /** Not now. `serverDown`: no mail would have fared better. */
  | {
      readonly result: 'not_now'
      readonly answer: string | null
      readonly smtpCode: number | null
      readonly reason: string
      readonly serverDown: boolean
    }

/** One attempt; it ends when the signal says so. */
export type Deliver = (mail: OutgoingMail, signal: AbortSignal) => Promise<Outcome>

/** For the connection, for the greeting, and for each silence after that; the whole attempt has its own limit (mailer.ts). */
const TIMEOUT_MILLISECONDS = 10_000
/** RFC 5321 section 4.2.1, and what a server says that is about to close (section 3.8). */
const PERMANENT = 500
const SERVICE_CLOSING = 421

/** Deliver by SMTP. nodemailer is loaded at the first mail: who sends none pays nothing. */
export function deliverBySmtp(config: Pick<Config, 'name' | 'publicUrl'>, server: SmtpServer, from: Config['mail']['from']): Deliver {
  const sender = { name: oneLine(from?.name ?? config.name), address: from?.address ?? 'no-reply@localhost' }
  const { hostname } = config.publicUrl
  let opened: ReturnType<typeof openTransport> | null = null
  return async (mail, signal) => {
    try {
      opened ??= openTransport(server)
      const { response } = await (await opened).sendMail({
        from: sender,
        to: { name: '', address: mail.to },
        // CHECKLIST R130: the one recipient, whatever a header could be read as.
        envelope: { from: sender.address, to: [mail.to] },
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        date: mail.createdAt,
        messageId: `<${mail.id}@${hostname.replace(/^\[(.*)\]$/, 'localhost')}>`,
        // RFC 3834 section 5: no vacation notice answers it.
        headers: { 'Auto-Submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal,
      })
      return { result: 'sent', answer: response }
    } catch (error) {
      return outcomeOf(error as SmtpError)
    }
  }
}

async function openTransport({ host, port, implicitTls, loopback, user, password }: SmtpServer) {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    host,
    port,
    secure: implicitTls,
    // CHECKLIST R132: never in clear to another machine, whatever the server offers.
    requireTLS: !implicitTls && !loopback,
    tls: { rejectUnauthorized: !loopback, minVersion: 'TLSv1.2' },
    ...(user !== null && { auth: { user, pass: password ?? '' }, forceAuth: true }),
    connectionTimeout: TIMEOUT_MILLISECONDS,
    greetingTimeout: TIMEOUT_MILLISECONDS,
    socketTimeout: TIMEOUT_MILLISECONDS,
    dnsTimeout: TIMEOUT_MILLISECONDS,
  })
}

/** The fields of nodemailer's errors that tell what happened. */
interface SmtpError extends Error {
  readonly code?: string
  readonly command?: string
  readonly response?: string
  readonly responseCode?: number
}

function outcomeOf({ code, command, message, response, responseCode }: SmtpError): Outcome {
  const answer = response || message
  // A sender that the server does not let us use is the operator's to mend, and no reason to throw mails away.
  if (responseCode !== undefined && responseCode >= PERMANENT && (command === 'RCPT TO' || command === 'DATA'))
    return { result: 'refused', answer, smtpCode: responseCode }
  const ofThisMail = (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== SERVICE_CLOSING
  return { result: 'not_now', answer, smtpCode: responseCode ?? null, reason: code ?? 'unknown', serverDown: !ofThisMail }
}

/** Deliver by the application's function. */
export function deliverByFunction(sendMail: SendMail): Deliver {
  return async (mail, signal) => {
    try {
      await Promise.race([sendMail(mail), aborted(signal)])
      return { result: 'sent', answer: null }
    } catch (error) {
      // What it says may hold anything; only its kind is kept.
      const reason = error instanceof Error ? error.name : 'unknown'
      return { result: 'not_now', answer: null, smtpCode: null, reason, serverDown: false }
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
