import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { isLoopbackHostname } from './loopback.ts'
import { parseEmailAddress } from './users/email-address.ts'

/** Readers of single settings. Each throws an Error whose message follows the setting's name. */

export interface PublicUrl {
  readonly origin: string
  readonly host: string
  readonly hostname: string
  /** `''`, or `/auth` for `https://app.example.com/auth`: what every route, link and redirect begins with. */
  readonly pathPrefix: string
  readonly https: boolean
}

export type ParsedDatabaseUrl =
  | { readonly engine: 'sqlite'; readonly path: string | null }
  | { readonly engine: 'postgres'; readonly url: string }

/** Where mails are handed over. */
export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** TLS from the first byte; else it must begin by STARTTLS, unless the server is this machine. */
  readonly implicitTls: boolean
  /** On this machine there is nobody in between: its certificate is not verified, and TLS is used only if it is offered (CHECKLIST R132). */
  readonly loopback: boolean
  readonly user: string | null
  readonly password: string | null
}

export interface MailFrom {
  /** `null`: the service's name. */
  readonly name: string | null
  readonly address: string
}

/** One version of the root secret, or of the pepper. */
export interface SecretVersion {
  readonly version: string
  readonly bytes: Uint8Array
}

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const
/** Enough that nobody can try them all (CHECKLIST R234). */
const SECRET_MIN_BYTES = 32

export function integer({ min, max }: { readonly min: number; readonly max: number }) {
  return (text: string): number => {
    if (!/^\d{1,9}$/.test(text.trim())) throw new Error(`is not a whole number: ${JSON.stringify(text)}`)
    const value = Number(text)
    if (value < min || value > max) throw new Error(`must be from ${min} to ${max}, found ${value}`)
    return value
  }
}

/** `30d`, `12h`, `15m`, `90s`, as seconds. */
export function duration({ min, max }: { readonly min: string; readonly max: string }) {
  const [least, most] = [readDuration(min), readDuration(max)]
  return (text: string): number => {
    const seconds = readDuration(text)
    if (seconds === null) throw new Error(`is not a duration with a unit (30d, 12h, 15m, 90s): ${JSON.stringify(text)}`)
    if (seconds < (least ?? 0) || seconds > (most ?? 0)) throw new Error(`must be from ${min} to ${max}, found ${text}`)
    return seconds
  }
}

function readDuration(text: string): number | null {
  const match = /^(\d{1,6})([smhd])$/.exec(text.trim())
  return match ? Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS] : null
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text.trim())
  const [, ipv6 = '', host = '', port = ''] = match ?? []
  const isAddress = ipv6 !== '' ? isIP(ipv6) === 6 : host === 'localhost' || isIP(host) === 4
  if (!isAddress || Number(port) > 65_535)
    throw new Error(`must be an address and a port (127.0.0.1:9464, [::1]:9464), found ${JSON.stringify(text)}`)
  return { host: ipv6 || host, port: Number(port) }
}

export function oneOf<T extends string>(...words: T[]) {
  return (text: string): T => {
    const word = words.find((known) => known === text.trim())
    if (!word) throw new Error(`must be ${words.join(' or ')}, found ${JSON.stringify(text)}`)
    return word
  }
}

export function parseList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

export function parseDatabaseUrl(text: string): ParsedDatabaseUrl {
  if (text === 'file::memory:') return { engine: 'sqlite', path: null }
  if (text.startsWith('file:') && text.length > 'file:'.length)
    return { engine: 'sqlite', path: text.slice('file:'.length).replace(/^\/\/(?=\/)/, '') }
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return { engine: 'postgres', url: text }
  // The value may hold a password, so it is not repeated.
  throw new Error('is not file:PATH, file::memory: or postgres://…')
}

/** `smtp://USER:PASSWORD@HOST:PORT`; the value may hold a password, so it is never repeated. */
export function parseSmtpUrl(text: string): SmtpServer {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '')
    throw new Error('is not smtp://USER:PASSWORD@HOST:PORT or smtps://…')
  if (url.search || url.hash || !['', '/'].includes(url.pathname))
    throw new Error('must end after the host and port; a "/", "?", "#" or "@" in the user or password is written as %2F, %3F, %23, %40')
  const implicitTls = url.protocol === 'smtps:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return {
    host,
    port: url.port === '' ? (implicitTls ? 465 : 587) : Number(url.port),
    implicitTls,
    loopback: isLoopbackHostname(url.hostname),
    user: decoded(url.username),
    password: decoded(url.password),
  }
}

function decoded(part: string): string | null {
  try {
    return part === '' ? null : decodeURIComponent(part)
  } catch {
    throw new Error('has a "%" in its user or password that is not followed by two digits; write it as %25')
  }
}

/** `no-reply@example.com` or `Example <no-reply@example.com>`. */
export function parseMailFrom(text: string): MailFrom {
  const [, name, bracketed] = /^([^<>"]*)<([^<>]*)>$/.exec(text.trim()) ?? []
  const email = parseEmailAddress(bracketed ?? text.trim())
  if (!email) throw new Error(`must be an address, or a name and an address in <>, found ${JSON.stringify(text)}`)
  const shown = name?.trim() ?? ''
  if (shown.length > 64 || /[\x00-\x1f\x7f-\x9f]/.test(text))
    throw new Error('has a name of more than 64 characters, or a control character')
  return { name: shown === '' ? null : shown, address: email.canonical }
}

export function parsePublicUrl(text: string): PublicUrl {
  const url = readUrl(text)
  if (url.search || url.hash || url.username || url.password) throw new Error('must have no query, fragment, user or password')
  const https = url.protocol === 'https:'
  if (!https && !isLoopbackHostname(url.hostname)) throw new Error(`must begin with https:// unless it is this machine, found ${text}`)
  return { origin: url.origin, host: url.host, hostname: url.hostname, pathPrefix: url.pathname.replace(/\/+$/, ''), https }
}

const PWNED_PASSWORDS = 'https://api.pwnedpasswords.com'

/** Where ranges of breached passwords are asked for, without the `/range` behind it; `null`: nowhere. */
export function parseBreachService(text: string): string | null {
  const word = text.trim()
  if (word === 'off') return null
  if (word === 'on') return PWNED_PASSWORDS
  const url = URL.parse(word)
  if (!url?.protocol.startsWith('http')) throw new Error(`must be on, off or a web address, found ${JSON.stringify(text)}`)
  if (url.search || url.hash || url.username || url.password) throw new Error('must have no query, fragment, user or password')
  if (url.protocol !== 'https:' && !isLoopbackHostname(url.hostname)) throw new Error('must begin with https:// unless it is this machine')
  return url.href.replace(/\/+$/, '')
}

export function parseOrigin(text: string): string {
  const url = readUrl(text)
  if (url.origin !== text) throw new Error(`must be an exact origin like ${url.origin}, found ${text}`)
  return text
}

function readUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new Error(`is not a web address: ${JSON.stringify(text)}`)
  return url
}

export function parseNetwork(text: string): string {
  const [address = '', bits, more] = text.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  if (family === 0 || more !== undefined || (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most))) {
    throw new Error(`is not a network like 10.0.0.0/8: ${JSON.stringify(text)}`)
  }
  return `${address}/${bits ?? most}`
}

/** `v2:…,v1:…` newest first, or one bare secret, which is version `v1`. The value never shows in a message. */
export function parseSecret(text: string): SecretVersion[] {
  const entries = /^v\d+:/.test(text) ? text.trim().split(',') : [`v1:${text.trim()}`]
  const versions = entries.map((entry) => {
    const match = /^(v\d{1,4}):(.*)$/s.exec(entry.trim())
    if (!match?.[1] || match[2] === undefined) throw new Error('must be one secret, or versions as v2:…,v1:…')
    const bytes = new TextEncoder().encode(match[2])
    if (bytes.length < SECRET_MIN_BYTES)
      throw new Error(`version ${match[1]} is shorter than ${SECRET_MIN_BYTES} bytes; make one with: openssl rand -base64 48`)
    if (new Set(bytes).size < 8) throw new Error(`version ${match[1]} repeats a few characters; make one with: openssl rand -base64 48`)
    return { version: match[1], bytes }
  })
  if (new Set(versions.map(({ version }) => version)).size !== versions.length) throw new Error('names a version twice')
  return versions
}

/** What pages and mails show, as text; what is no text on a line has no place in it (CHECKLIST R225). */
export function parseName(text: string): string {
  if ([...text].length > 64) throw new Error('is longer than 64 characters')
  if (/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text))
    throw new Error(`must not contain control characters, found ${JSON.stringify(text)}`)
  return text
}

/** `#rrggbb`, in lower case: it goes into a stylesheet, so nothing else is let in (CHECKLIST R225). */
export function parseAccent(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text.trim())) throw new Error(`must be a colour like #2554c7, found ${JSON.stringify(text)}`)
  return text.trim().toLowerCase()
}

export interface Logo {
  readonly path: string
  readonly contentType: string
  readonly bytes: Uint8Array
}

const LOGO_MAX_BYTES = 64 * 1024
const LOGO_TYPES = [
  { contentType: 'image/png', isOne: (bytes: Buffer) => bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex')) },
  {
    contentType: 'image/webp',
    isOne: (bytes: Buffer) => bytes.subarray(0, 4).toString() === 'RIFF' && bytes.subarray(8, 12).toString() === 'WEBP',
  },
  {
    contentType: 'image/svg+xml',
    isOne: (bytes: Buffer) => /^\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*<svg[\s>]/.test(bytes.toString('utf8')),
  },
] as const

/** Read once, at the start. What kind of picture it is says its content, not its name. */
export function parseLogo(path: string): Logo {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    throw new Error(`cannot be read: ${JSON.stringify(path)}`)
  }
  if (bytes.length > LOGO_MAX_BYTES) throw new Error(`is larger than ${LOGO_MAX_BYTES / 1024} KiB: ${JSON.stringify(path)}`)
  const type = LOGO_TYPES.find(({ isOne }) => isOne(bytes))
  if (!type) throw new Error(`is no SVG, PNG or WebP picture: ${JSON.stringify(path)}`)
  return { path, contentType: type.contentType, bytes }
}
