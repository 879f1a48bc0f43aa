import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { DatabaseLocation } from './db/database.ts'
import { deepFreeze } from './deep-freeze.ts'
import { AuthError } from './errors.ts'
import { isLoopbackHostname } from './loopback.ts'
import { nearest } from './nearest.ts'
import {
  type ListenAddress,
  type Logo,
  type MailFrom,
  type PublicUrl,
  parsePublicUrl,
  type SecretVersion,
  type SmtpServer,
} from './setting-parsers.ts'
import { SETTING_NAMES, SETTINGS, type SettingName, type SettingValue } from './settings.ts'

export type Posture = 'classic' | 'hardened'
/** Of pages and mails. */
export type Language = 'en' | 'fr'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Everything that was decided at the start; complete, checked, frozen. */
export interface Config {
  readonly posture: Posture
  readonly publicUrl: PublicUrl
  readonly listen: { readonly hosts: readonly string[]; readonly port: number }
  readonly database: DatabaseLocation
  readonly secrets: {
    /** Newest first. Empty only in the classic posture before its file is read (service-secret.ts). */
    readonly root: readonly SecretVersion[]
    /** The first goes into new password hashes. Empty: none has a pepper. */
    readonly pepper: readonly SecretVersion[]
  }
  readonly mail: {
    /** `null`: classic keeps its mails; hardened has the application's `sendMail`. */
    readonly smtp: SmtpServer | null
    readonly from: MailFrom | null
  }
  /** Networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  readonly allowedOrigins: ReadonlySet<string>
  readonly session: { readonly idleSeconds: number; readonly absoluteSeconds: number }
  readonly resetTokenSeconds: number
  readonly password: {
    /** Unicode code points. */
    readonly minLength: number
    readonly argon2: { readonly memoryKib: number; readonly passes: number; readonly parallelism: number }
    /** The service that is asked whether a new password was breached; `null`: none is. */
    readonly hibp: string | null
  }
  readonly audit: { readonly retentionSeconds: number }
  readonly registration: 'open' | 'closed'
  /** `required`: no session begins without one, and none goes on (CHECKLIST R139). */
  readonly secondFactor: 'optional' | 'required'
  readonly name: string
  readonly appearance: {
    readonly logo: Logo | null
    /** `#rrggbb` */
    readonly accent: string
  }
  /** `null`: pages follow the browser, mails are English. */
  readonly language: Language | null
  readonly logLevel: LogLevel
  /** Processes that serve the port together; a library is one. */
  readonly workers: number
  /** A listener of its own for `/metrics`; `null`: none. */
  readonly metrics: ListenAddress | null
}

export type Environment = Readonly<Record<string, string | undefined>>

interface ParseOptions {
  /** How a setting is called in messages: its environment name, or the library's option. */
  readonly nameOf?: (name: SettingName) => string
  readonly readFile?: (path: string) => string
  /** The library under a public URL that was not given: see docs/postures.md. */
  readonly library?: boolean
  /** Before a service or library starts: hardened hands reset tokens out by mail only, so it needs a way to send one. */
  readonly toStart?: boolean
  /** The application sends its mails itself. */
  readonly sendsMail?: boolean
}

/** OWASP Password Storage "Argon2id" and ASVS 5.0 Appendix C: any one of these pairs is the floor (CHECKLIST R016, R017). */
const ARGON2_FLOORS = [
  { memoryKib: 19_456, passes: 2 },
  { memoryKib: 47_104, passes: 1 },
  { memoryKib: 12_288, passes: 3 },
] as const

/** NIST SP 800-63B-4 section 3.1.1.2: 15 where the password can be the only factor (CHECKLIST R001). */
const HARDENED_MIN_LENGTH = 15
/** The same section: 8 where no password is ever the only factor. */
const HARDENED_MIN_LENGTH_WITH_FACTOR = 8

/** How long a session may live at most, and unused, by default (CHECKLIST D6; NIST SP 800-63B-4 sections 2.1.3 and 2.2.3). */
const LIFETIMES = {
  optional: { idleSeconds: 7 * 86_400, absoluteSeconds: 30 * 86_400 },
  required: { idleSeconds: 3_600, absoluteSeconds: 86_400 },
} as const

/**
 * Read every setting, once. Pure but for the files that `…_FILE` names.
 *
 * @throws AuthError `configuration_invalid` - every problem at once, each with the setting's name
 */
export function parseConfig(env: Environment, options: ParseOptions = {}): Config {
  const nameOf = options.nameOf ?? ((name) => name)
  const problems: string[] = unknownNames(env)
  const read = reader(env, problems, nameOf, options.readFile ?? ((path) => readFileSync(path, 'utf8')))

  const port = read('PORT') ?? 5_000
  const host = read('HOST')
  const givenUrl = read('BIENVENUE_PUBLIC_URL')
  const publicUrl = givenUrl ?? parsePublicUrl(`http://localhost:${port}`)
  const namedPosture = read('BIENVENUE_POSTURE')
  const posture = namedPosture ?? (isLoopbackHostname(publicUrl.hostname) ? 'classic' : 'hardened')
  const minLength = read('BIENVENUE_PASSWORD_MIN_LENGTH')
  const proxies = read('BIENVENUE_TRUSTED_PROXIES')
  const idleSeconds = read('BIENVENUE_SESSION_IDLE')
  const secondFactor = read('BIENVENUE_SECOND_FACTOR') ?? 'optional'
  const absoluteSeconds = read('BIENVENUE_SESSION_ABSOLUTE') ?? LIFETIMES[secondFactor].absoluteSeconds
  const location = read('DATABASE_URL') ?? { engine: 'sqlite' as const, path: 'bienvenue.db' }
  const config: Config = {
    posture,
    publicUrl,
    listen: { hosts: host === undefined ? ['127.0.0.1', '::1'] : [host], port },
    database:
      location.engine === 'sqlite'
        ? location
        : { ...location, poolSize: read('BIENVENUE_DATABASE_POOL') ?? 10, prepare: read('BIENVENUE_PG_PREPARE') !== 'off' },
    secrets: { root: read('BIENVENUE_SECRET') ?? [], pepper: read('BIENVENUE_PASSWORD_PEPPER') ?? [] },
    mail: { smtp: read('SMTP_URL') ?? null, from: read('BIENVENUE_MAIL_FROM') ?? null },
    trustedProxies: proxies ?? [],
    allowedOrigins: new Set(read('BIENVENUE_ALLOWED_ORIGINS')),
    session: { idleSeconds: idleSeconds ?? Math.min(LIFETIMES[secondFactor].idleSeconds, absoluteSeconds), absoluteSeconds },
    resetTokenSeconds: read('BIENVENUE_RESET_TOKEN_TTL') ?? 3_600,
    password: {
      minLength: minLength ?? (posture === 'classic' ? 1 : HARDENED_MIN_LENGTH),
      argon2: {
        memoryKib: read('BIENVENUE_ARGON2_MEMORY_KIB') ?? 19_456,
        passes: read('BIENVENUE_ARGON2_PASSES') ?? 2,
        parallelism: read('BIENVENUE_ARGON2_PARALLELISM') ?? 1,
      },
      hibp: read('BIENVENUE_PASSWORD_HIBP') ?? null,
    },
    audit: { retentionSeconds: read('BIENVENUE_AUDIT_RETENTION') ?? 180 * 86_400 },
    registration: read('BIENVENUE_REGISTRATION') ?? 'open',
    secondFactor,
    name: read('BIENVENUE_NAME') ?? 'Bienvenue',
    appearance: { logo: read('BIENVENUE_LOGO') ?? null, accent: read('BIENVENUE_ACCENT') ?? '#2554c7' },
    language: read('BIENVENUE_LANGUAGE') ?? null,
    logLevel: read('BIENVENUE_LOG_LEVEL') ?? (options.library ? 'warn' : 'info'),
    workers: read('BIENVENUE_WORKERS') ?? 1,
    metrics: read('BIENVENUE_METRICS_ADDRESS') ?? null,
  }

  const { memoryKib, passes } = config.password.argon2
  if (!ARGON2_FLOORS.some((floor) => memoryKib >= floor.memoryKib && passes >= floor.passes)) {
    problems.push(
      `${nameOf('BIENVENUE_ARGON2_MEMORY_KIB')} ${memoryKib} with ${nameOf('BIENVENUE_ARGON2_PASSES')} ${passes} is below the OWASP floor (19456/2, 47104/1 or 12288/3)`,
    )
  }
  if (config.secrets.pepper.some(({ bytes }) => config.secrets.root.some((root) => Buffer.compare(bytes, root.bytes) === 0))) {
    problems.push(
      `${nameOf('BIENVENUE_PASSWORD_PEPPER')} is ${nameOf('BIENVENUE_SECRET')} once more; make one of its own with: openssl rand -base64 48`,
    )
  }
  if (config.session.idleSeconds > absoluteSeconds) {
    problems.push(`${nameOf('BIENVENUE_SESSION_IDLE')} is longer than ${nameOf('BIENVENUE_SESSION_ABSOLUTE')}`)
  }
  if (config.workers > 1 && isInMemory(config.database)) {
    problems.push(
      `${nameOf('BIENVENUE_WORKERS')} ${config.workers} needs a database that they share: in memory, each would have its own. Set ${nameOf('DATABASE_URL')} to a file or a server`,
    )
  }
  if (host !== undefined && isIP(host) === 0 && host !== 'localhost')
    problems.push(`${nameOf('HOST')} must be an IP address or localhost, found ${JSON.stringify(host)}`)
  if (posture === 'classic') problems.push(...classicProblems(env, config, namedPosture, nameOf))
  else problems.push(...hardenedProblems(config, proxies, nameOf))
  if (options.toStart && posture === 'hardened' && !options.sendsMail && !env.SMTP_URL && !env.SMTP_URL_FILE) {
    problems.push(
      `${nameOf('SMTP_URL')} is required: the hardened posture hands out its tokens by mail only, e.g. smtps://USER:PASSWORD@smtp.example.com${options.library ? '; or pass a function sendMail' : ''}`,
    )
  }
  if (options.library && givenUrl === undefined && namedPosture !== 'classic' && !isInMemory(config.database)) {
    problems.push(
      `${nameOf('BIENVENUE_PUBLIC_URL')} is needed: without it the library would take the classic posture, which hands out reset tokens. For a trial, write posture: 'classic'`,
    )
  }
  if (problems.length > 0) {
    const list = problems.map((problem) => `  - ${problem}`).join('\n')
    throw new AuthError('configuration_invalid', { sentence: `The settings cannot be used:\n${list}` })
  }
  return deepFreeze(config)
}

export function isInMemory(database: DatabaseLocation): boolean {
  return database.engine === 'sqlite' && database.path === null
}

/** Where the data is, for people; a password in the address is left out. */
export function describeDatabase(database: DatabaseLocation): string {
  if (database.engine === 'sqlite') return database.path ?? 'in memory, gone when this process ends'
  const { host, pathname, username } = new URL(database.url)
  return `postgres://${username ? `${username}@` : ''}${host}${pathname}`
}

/** Classic hands out reset tokens, so nothing may make it reachable from elsewhere. */
function classicProblems(env: Environment, config: Config, named: Posture | undefined, nameOf: (name: SettingName) => string): string[] {
  const problems: string[] = []
  const hint = `set ${nameOf('BIENVENUE_POSTURE')}=hardened for anything but this machine`
  if (!isLoopbackHostname(config.publicUrl.hostname)) {
    problems.push(`${nameOf('BIENVENUE_PUBLIC_URL')} ${config.publicUrl.origin} is not this machine, and the posture is classic: ${hint}`)
  }
  for (const host of config.listen.hosts) {
    // 0.0.0.0 as a Host header means this machine; as an address to bind it means every network.
    if (!isLoopbackHostname(host) || host === '0.0.0.0')
      problems.push(`${nameOf('HOST')} ${host} is not a loopback address, and the posture is classic: ${hint}`)
  }
  for (const origin of config.allowedOrigins) {
    if (!isLoopbackHostname(new URL(origin).hostname)) {
      problems.push(`${nameOf('BIENVENUE_ALLOWED_ORIGINS')} ${origin} is not this machine, and the posture is classic: ${hint}`)
    }
  }
  if (env.NODE_ENV === 'production' && named === undefined) {
    problems.push(
      `NODE_ENV is production and no posture is named: set ${nameOf('BIENVENUE_PUBLIC_URL')}, or ${nameOf('BIENVENUE_POSTURE')}=classic if this really is a trial`,
    )
  }
  return problems
}

function hardenedProblems(config: Config, proxies: readonly string[] | undefined, nameOf: (name: SettingName) => string): string[] {
  const problems: string[] = []
  if (config.secrets.root.length === 0) problems.push(`${nameOf('BIENVENUE_SECRET')} is required; make one with: openssl rand -base64 48`)
  const isOnlyFactor = config.secondFactor === 'optional'
  const shortest = isOnlyFactor ? HARDENED_MIN_LENGTH : HARDENED_MIN_LENGTH_WITH_FACTOR
  if (config.password.minLength < shortest) {
    problems.push(
      `${nameOf('BIENVENUE_PASSWORD_MIN_LENGTH')} must be at least ${shortest}${isOnlyFactor ? ' while a password can be the only factor' : ''}, found ${config.password.minLength}`,
    )
  }
  if (config.mail.smtp !== null && config.mail.from === null) {
    problems.push(
      `${nameOf('BIENVENUE_MAIL_FROM')} is required with ${nameOf('SMTP_URL')}: an address of your domain that your mail server may send from`,
    )
  }
  for (const origin of config.allowedOrigins) {
    if (!origin.startsWith('https:') && !isLoopbackHostname(new URL(origin).hostname)) {
      problems.push(`${nameOf('BIENVENUE_ALLOWED_ORIGINS')} ${origin} must begin with https:// unless it is this machine`)
    }
  }
  if (config.publicUrl.https && proxies === undefined) {
    problems.push(
      `${nameOf('BIENVENUE_TRUSTED_PROXIES')} is required with an https public URL: name the proxy's network, or none if there really is no proxy`,
    )
  }
  return problems
}

/** The reader of one environment: notes each problem and goes on, so that all are reported together. */
function reader(env: Environment, problems: string[], nameOf: (name: SettingName) => string, readFile: (path: string) => string) {
  return function read<N extends SettingName>(name: N): SettingValue<N> | undefined {
    try {
      const text = textOf(env, name, readFile)
      // The table's types say what each parser returns.
      return text === undefined || text === '' ? undefined : (SETTINGS[name].parse(text) as SettingValue<N>)
    } catch (error) {
      problems.push(`${nameOf(name)} ${(error as Error).message}`)
      return undefined
    }
  }
}

function textOf(env: Environment, name: SettingName, readFile: (path: string) => string): string | undefined {
  const path = 'secret' in SETTINGS[name] ? env[`${name}_FILE`] : undefined
  if (!path) return env[name]
  if (env[name]) throw new Error(`is set twice: as ${name} and as ${name}_FILE`)
  try {
    return readFile(path).trim()
  } catch {
    throw new Error(`cannot be read from ${path}, which ${name}_FILE names`)
  }
}

/** A container platform writes these for a service called "bienvenue"; they are not ours. */
const INJECTED = /^BIENVENUE_(PORT$|PORT_|SERVICE_)/

function unknownNames(env: Environment): string[] {
  const known = new Set<string>(SETTING_NAMES.flatMap((name) => ('secret' in SETTINGS[name] ? [name, `${name}_FILE`] : [name])))
  return Object.keys(env)
    .filter((name) => name.startsWith('BIENVENUE_') && !known.has(name) && !INJECTED.test(name))
    .map((name) => `${name} is not a setting; did you mean ${nearest(name, [...known])}?`)
}
