import pino from 'pino'
import { isoTime } from './clock.ts'
import type { LogLevel } from './config.ts'
import { jsonText } from './json-text.ts'

export interface Log {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
  /** One answered request, at level info. */
  request(line: RequestLine): void
  /** Write out what is still in memory. */
  flush(): void
}

export interface RequestLine {
  readonly requestId: string
  readonly method: string
  readonly route: string
  readonly status: number
  readonly milliseconds: number
  readonly client: string | null
  /** The code that the client got, and the true reason that only we know. */
  readonly refusal: { readonly code: string; readonly reason: string | undefined } | null
}

/** Where lines go: standard output for the service, anything with `write` for tests. */
export interface LogOutput {
  write(line: string): void
}

/** Nothing of these names reaches a line, at the top or one level down, where `code` is an error's: ECONNRESET and its kind (CHECKLIST R228). */
const SECRETS = [
  'token',
  'secret',
  'password',
  'code',
  'cookie',
  'authorization',
  'hash',
  'new_password',
  'current_password',
  'reset_token',
  'session_id',
]

/** Lines wait up to so long, or until so many characters are there: one write for many requests. A line of an error goes out at once. */
const BUFFER_LENGTH = 8_192
/** Workers write to one pipe, where what is longer than 4096 bytes may be torn apart by another's lines (PIPE_BUF, pipe(7)). */
const SHARED_BUFFER_LENGTH = 4_096
const FLUSH_MILLISECONDS = 100
const MAX_REASON = 200

/**
 * One JSON line per request and event, with the number of the worker where there are several; readable lines on a terminal. A control character in a value is escaped, so one event is one line
 * (CHECKLIST R229).
 */
export function makeLog(level: LogLevel, output?: LogOutput, worker?: number): Log {
  const options = {
    level,
    base: worker === undefined ? null : { worker },
    redact: { paths: SECRETS.flatMap((name) => (name === 'code' ? [name] : [name, `*.${name}`])), censor: '[secret]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  if (output) return withRequests(pino(options, output), output, { worker })
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {})
  if (process.stdout.isTTY) {
    const terminal: LogOutput = { write: (line) => writeOut(readable(line)) }
    return withRequests(pino(options, terminal), terminal, { worker })
  }
  const lines = bufferedLines(writeOut, worker === undefined ? BUFFER_LENGTH : SHARED_BUFFER_LENGTH)
  return withRequests(pino(options, lines), lines, { worker, flush: lines.flush })
}

/**
 * A log that cannot be written, on a full disk or a closed pipe, stops nobody from logging in: its lines are lost. Nothing is said of it,
 * because there is no place left to say it.
 */
function writeOut(text: string): void {
  try {
    process.stdout.write(text)
  } catch {
    // Files are written at once and refuse at once.
  }
}

/** Many lines, one write. What a `kill -9` can lose of the log is a tenth of a second. */
function bufferedLines(write: (text: string) => void, length: number): LogOutput & { flush(): void } {
  let text = ''
  const flush = () => {
    if (text === '') return
    const lines = text
    text = ''
    write(lines)
  }
  setInterval(flush, FLUSH_MILLISECONDS).unref()
  return {
    write(line) {
      if (text.length + line.length > length) flush()
      text += line
    },
    flush,
  }
}

interface LogParts {
  readonly worker: number | undefined
  readonly flush?: () => void
}

function withRequests(logger: pino.Logger, output: { write(line: string): unknown }, { worker, flush = () => {} }: LogParts): Log {
  const wanted = logger.isLevelEnabled('info')
  const from = worker === undefined ? '' : `,"worker":${worker}`
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => {
      logger.error(fields, message)
      flush()
    },
    request: (line) => void (wanted && output.write(requestLine(line, from))),
    flush,
  }
}

/**
 * The line of a request, put together by hand: its fields are fixed, and the logger with its search for secrets would cost a third of a session
 * check (docs/adr/0006-cost-of-a-session-check.md). Method, route and reason come from outside, so they are encoded.
 */
function requestLine({ requestId, method, route, status, milliseconds, client, refusal }: RequestLine, from: string): string {
  // The longest reasons hold a header of somebody's; its beginning tells enough.
  const start = `{"level":"info","time":"${isoTime()}"${from},"event":"request","request_id":"${requestId}","method":${jsonText(method)}`
  const rest = `,"route":${jsonText(route)},"status":${status},"ms":${milliseconds.toFixed(2)},"client":${client === null ? 'null' : `"${client}"`}`
  if (refusal === null) return `${start}${rest}}\n`
  const reason = refusal.reason === undefined ? '' : `,"reason":${jsonText(refusal.reason.slice(0, MAX_REASON))}`
  return `${start}${rest},"error":"${refusal.code}"${reason}}\n`
}

/** `16:03:52 info  POST /sessions 401 12 ms  login_refused (wrong password)` */
function readable(line: string): string {
  const { time, level, msg, request_id: id, event, method, route, status, ms, error, reason, ...rest } = JSON.parse(line)
  const what = event === 'request' ? `${method} ${route} ${status} ${ms} ms` : (msg ?? event ?? '')
  const why = error ? `  ${error}${reason ? ` (${reason})` : ''}` : ''
  const more =
    event === 'request'
      ? ''
      : Object.entries(rest)
          .map(([key, value]) => `  ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
          .join('')
  const text = `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${what}${why}${more}${error && id ? `  ${id}` : ''}`
  // A name or user agent may hold escape codes for the terminal.
  return `${text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '?')}\n`
}
