import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Config, type Environment, parseConfig } from '../src/config.ts'
import { toNodeHandler } from '../src/http/node-handler.ts'
import { type Log, makeLog } from '../src/log.ts'
import type { OutgoingMail } from '../src/mail/deliver.ts'
import { openAuth } from '../src/open-auth.ts'
import { type FixedClock, fixedClock } from './fixed-clock.ts'
import { ENGINE, ENGINE_ENV, freshDatabase } from './fresh-database.ts'

export interface TestResponse {
  readonly status: number
  readonly headers: Headers
  /** The body as text, and parsed where it is JSON. */
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every form
  readonly json: any
}

export interface TestRequest {
  /** Sent as a urlencoded form. */
  readonly form?: Record<string, string>
  /** Sent as application/json. */
  readonly json?: unknown
  readonly body?: BodyInit
  readonly headers?: Record<string, string>
  /** A session's token, sent as the session cookie. */
  readonly session?: string
}

export interface TestApp extends AsyncDisposable {
  readonly auth: Awaited<ReturnType<typeof openAuth>>
  readonly config: Config
  readonly clock: FixedClock
  /** `http://127.0.0.1:PORT` of a real listener; `http://localhost:PORT` for browsers. */
  readonly url: string
  /** Every log line so far, parsed. */
  readonly logLines: Record<string, unknown>[]
  /** What was sent so far, oldest first: hardened services without SMTP_URL put it here. Classic keeps its mails for `GET /dev/mailbox`. */
  readonly mails: OutgoingMail[]
  /** Resolve and send what is due: nothing goes by itself. @returns all mails so far */
  sendMails(): Promise<OutgoingMail[]>
  request(method: string, path: string, request?: TestRequest): Promise<TestResponse>
  /** Register an address and log in. @returns the session's token */
  logIn(email: string, password: string): Promise<string>
  register(email: string, password: string): Promise<void>
  /** A user who has proved their address: in hardened, only those log in. */
  addVerified(email: string, password: string): Promise<void>
}

export interface TestAppOptions {
  readonly env?: Environment
  readonly databaseUrl?: string
  readonly clock?: FixedClock
  readonly form?: 'service' | 'library'
  /** Its public URL is `http://localhost:PORT`, where it listens: passkeys, cookies and links then mean the place that a browser opens. */
  readonly forBrowsers?: boolean
  /** In place of the collection in `mails`. */
  readonly sendMail?: (mail: OutgoingMail) => Promise<void>
}

/** A secret for hardened test services. */
export const TEST_SECRET = 'v1:7kQ2m9XvT4sLw8ZbN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCzAW'

/**
 * The whole service behind a real listener on a free port, with a database in memory unless told, a clock that stands still,
 * its log in an array, and in the hardened posture (`env: hardenedEnv()`) its mails in another.
 */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const clock = options.clock ?? fixedClock()
  await using scope = new AsyncDisposableStack()
  const databaseUrl = options.databaseUrl ?? scope.use(await freshDatabase()).url
  // On PostgreSQL the made secret would lie in the working directory, which all tests share.
  const secret = ENGINE === 'postgres' ? { BIENVENUE_SECRET: TEST_SECRET } : {}
  // Before the settings, for they may name its port. Nobody knows the port yet, so no request comes before there is a handler.
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.defer(() => closeServer(server))
  const { port } = server.address() as AddressInfo // It listens on no pipe.
  const place = options.forBrowsers ? { PORT: String(port), BIENVENUE_PUBLIC_URL: `http://localhost:${port}` } : {}
  const config = parseConfig({
    DATABASE_URL: databaseUrl,
    BIENVENUE_LOG_LEVEL: 'debug',
    ...ENGINE_ENV,
    ...secret,
    ...place,
    ...options.env,
  })
  const logLines: Record<string, unknown>[] = []
  const log: Log = makeLog(config.logLevel, { write: (line) => void logLines.push(JSON.parse(line)) })
  const mails: OutgoingMail[] = []
  const collects = config.posture === 'hardened' && config.mail.smtp === null
  const sendMail = options.sendMail ?? (collects ? async (mail: OutgoingMail) => void mails.push(mail) : undefined)
  const auth = await openAuth(config, { form: options.form ?? 'service', clock, log, mailLoop: false, ...(sendMail && { sendMail }) })
  server.on('request', toNodeHandler(auth))
  const listensAt = `http://127.0.0.1:${port}`
  const cookieName = config.posture === 'hardened' && config.publicUrl.https ? '__Host-session_id' : 'session_id'

  const kept = scope.move()
  const app: TestApp = {
    auth,
    config,
    clock,
    url: options.forBrowsers ? `http://localhost:${port}` : listensAt,
    logLines,
    mails,
    async sendMails() {
      await auth.mailer.runDue()
      return mails
    },
    async request(method, path, { form, json, body, headers, session } = {}) {
      const response = await fetch(`${listensAt}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...(session !== undefined && { cookie: `${cookieName}=${session}` }),
          ...headers,
        },
        ...(form && { body: new URLSearchParams(form) }),
        ...(json !== undefined && { body: JSON.stringify(json) }),
        ...(body !== undefined && { body }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== ''
      return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
    },
    async register(email, password) {
      const answer = await app.request('POST', '/users', { form: { email, password } })
      if (answer.status !== 200) throw new Error(`registration answered ${answer.status} ${answer.text}`)
    },
    async addVerified(email, password) {
      const { id } = await auth.registerUser(email, password)
      const { database } = auth.deps
      await database.inTransaction((tx) => tx.updateTable('users').set({ email_verified_at: clock.now() }).where('id', '=', id).execute())
    },
    async logIn(email, password) {
      const answer = await app.request('POST', '/sessions', { form: { email, password } })
      const token = sessionOf(answer)
      if (answer.status !== 200 || token === null) throw new Error(`login answered ${answer.status} ${answer.text}`)
      return token
    },
    async [Symbol.asyncDispose]() {
      await closeServer(server)
      await auth.close()
      await kept.disposeAsync()
    },
  }
  return app
}

/** Closing it once more changes nothing. */
async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

/** The session token that an answer sets, or `null`. */
export function sessionOf(answer: { readonly headers: Headers }): string | null {
  const [cookie] = answer.headers.getSetCookie()
  return /session_id=([^;]+)/.exec(cookie ?? '')?.[1] ?? null
}

/** A hardened service on this machine. */
export function hardenedEnv(more: Environment = {}): Environment {
  return { BIENVENUE_POSTURE: 'hardened', BIENVENUE_SECRET: TEST_SECRET, ...more }
}
