import { type Environment, type Posture, parseConfig } from './config.ts'
import { AuthError } from './errors.ts'
import type { SendMail } from './mail/deliver.ts'
import { nearest } from './nearest.ts'
import { type Auth, openAuth } from './open-auth.ts'
import { SETTING_NAMES, SETTINGS } from './settings.ts'

export { AuthError, type ErrorCode } from './errors.ts'
export type { RequestInfo } from './http/fetch-shell.ts'
export type { OutgoingMail, SendMail } from './mail/deliver.ts'
export type { Auth } from './open-auth.ts'
export type { User } from './users/user.ts'

/** The settings of docs/configuration.md under their library names; each takes what the environment would hold, lists also as arrays. */
export interface AuthOptions {
  /** `file:PATH`, `file::memory:` or `postgres://…`. Default `file:bienvenue.db`. */
  readonly databaseUrl?: string
  readonly databasePool?: number
  readonly pgPrepare?: 'on' | 'off'
  /** Where users reach this, with the path under which it is mounted: `https://app.example.com/auth`. */
  readonly publicUrl?: string
  readonly posture?: Posture
  readonly secret?: string
  /** `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`. */
  readonly smtpUrl?: string
  /** `no-reply@example.com` or `Example <no-reply@example.com>`. */
  readonly mailFrom?: string
  /** Sends a mail in SMTP's place. Until it has resolved the mail waits in the database; when it throws, it is called again later, for at most a day. */
  readonly sendMail?: SendMail
  readonly trustedProxies?: string | readonly string[]
  readonly allowedOrigins?: string | readonly string[]
  readonly sessionIdle?: string
  readonly sessionAbsolute?: string
  readonly resetTokenTtl?: string
  readonly passwordMinLength?: number
  readonly passwordPepper?: string
  /** `on`, `off` or the address of a mirror. */
  readonly passwordHibp?: string
  readonly argon2MemoryKib?: number
  readonly argon2Passes?: number
  readonly argon2Parallelism?: number
  readonly auditRetention?: string
  readonly registration?: 'open' | 'closed'
  readonly secondFactor?: 'optional' | 'required'
  readonly name?: string
  /** The path of a picture. */
  readonly logo?: string
  readonly accent?: string
  readonly language?: 'en' | 'fr'
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/**
 * The library's door: read the options, open and migrate the database, and return the handler and the units.
 *
 * @throws AuthError `configuration_invalid` - every problem at once
 * @throws AuthError `database_refused`
 */
export async function createAuth({ sendMail, ...settings }: AuthOptions = {}): Promise<Auth> {
  const rules = { library: true, toStart: true, sendsMail: sendMail !== undefined }
  const config = parseConfig(environmentOf(settings), { nameOf: (name) => SETTINGS[name].option ?? name, ...rules })
  const opened = await openAuth(config, { form: 'library', ...(sendMail && { sendMail }) })
  const { deps: _deps, metrics: _metrics, mailer: _mailer, sealer: _sealer, settled: _settled, ...auth } = opened
  return auth
}

/** Library options under the environment's names, so that one parser judges both. */
function environmentOf(options: Omit<AuthOptions, 'sendMail'>): Environment {
  const nameOf = new Map(
    SETTING_NAMES.flatMap((name) => (SETTINGS[name].option === null ? [] : [[SETTINGS[name].option as string, name] as const])),
  )
  const unknown = Object.keys(options).filter((option) => !nameOf.has(option))
  if (unknown.length > 0) {
    const list = unknown.map((option) => `  - ${option} is not an option; did you mean ${nearest(option, [...nameOf.keys()])}?`).join('\n')
    throw new AuthError('configuration_invalid', { sentence: `The settings cannot be used:\n${list}` })
  }
  return Object.fromEntries(
    Object.entries(options).map(([option, value]) => [
      nameOf.get(option) ?? option,
      Array.isArray(value)
        ? value.join(',') || (option === 'trustedProxies' ? 'none' : '')
        : value === undefined
          ? undefined
          : String(value),
    ]),
  )
}
