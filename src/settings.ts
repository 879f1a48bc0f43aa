import type { Language, LogLevel } from './config.ts'
import {
  duration,
  integer,
  oneOf,
  parseAccent,
  parseBreachService,
  parseDatabaseUrl,
  parseList,
  parseListenAddress,
  parseLogo,
  parseMailFrom,
  parseName,
  parseNetwork,
  parseOrigin,
  parsePublicUrl,
  parseSecret,
  parseSmtpUrl,
} from './setting-parsers.ts'

/**
 * One setting. `parse` returns the value or throws an Error that says what is wrong, in words that follow the setting's name.
 * Cross-checks between settings are in config.ts.
 */
export interface Setting<T> {
  /** The option of the same meaning in `createAuth`; null where only the service has it. */
  readonly option: string | null
  readonly about: string
  /** For docs/configuration.md; what applies when it is not set. */
  readonly fallback: string
  readonly example: string
  /** It is one or may hold one: never printed as it stands; also read from the file that `<NAME>_FILE` names. */
  readonly secret?: true
  readonly parse: (text: string) => T
}

/** The Argon2 bounds of a configured cost: the floor is checked as a whole in config.ts, the ceiling is CHECKLIST R024's. */
const ARGON2_MEMORY = { min: 7_168, max: 262_144 }

/** Every setting, by its name in the environment. The table in docs/configuration.md is made from this list. */
export const SETTINGS = {
  HOST: {
    option: null,
    about: 'The address to listen on.',
    fallback: '127.0.0.1 and ::1',
    example: '0.0.0.0',
    parse: (text: string) => text,
  },
  PORT: {
    option: null,
    about: 'The port to listen on; 0 picks a free one, and the start line prints it.',
    fallback: '5000',
    example: '5001',
    parse: integer({ min: 0, max: 65_535 }),
  },
  DATABASE_URL: {
    option: 'databaseUrl',
    about:
      'Where the data lives: `file:PATH`, `file::memory:` for as long as the process runs, or `postgres://USER:PASSWORD@HOST/DATABASE`.',
    fallback: 'file:bienvenue.db',
    example: 'file:/var/lib/bienvenue/bienvenue.db',
    secret: true,
    parse: parseDatabaseUrl,
  },
  BIENVENUE_DATABASE_POOL: {
    option: 'databasePool',
    about:
      "PostgreSQL: connections of one process. All processes together stay below the server's `max_connections`; more than twice its cores gain nothing.",
    fallback: '10',
    example: '20',
    parse: integer({ min: 1, max: 500 }),
  },
  BIENVENUE_PG_PREPARE: {
    option: 'pgPrepare',
    about:
      'PostgreSQL: `on` keeps statements prepared on each connection; `off` for poolers that cannot keep them (PgBouncer before 1.21 in transaction mode).',
    fallback: 'on',
    example: 'off',
    parse: oneOf('on', 'off'),
  },
  BIENVENUE_PUBLIC_URL: {
    option: 'publicUrl',
    about:
      'The address under which users reach the service. Every link and origin comes from it, never from a request. Its path is the prefix of every route. https, unless it is this machine.',
    fallback: '`http://localhost:PORT`',
    example: 'https://app.example.com/auth',
    parse: parsePublicUrl,
  },
  BIENVENUE_POSTURE: {
    option: 'posture',
    about: '`classic` (this machine only: trying, teaching, tests) or `hardened` (everything real).',
    fallback: 'classic while the public URL is a loopback address, else hardened',
    example: 'hardened',
    parse: oneOf('classic', 'hardened'),
  },
  BIENVENUE_SECRET: {
    option: 'secret',
    about:
      'Root of all derived keys, at least 32 bytes. Versions newest first: `v2:…,v1:…`. The database remembers its fingerprint; another secret refuses to start.',
    fallback: 'classic: made at the first start, in `bienvenue.secret` beside the database; hardened: required',
    example: 'v1:$(openssl rand -base64 48)',
    secret: true,
    parse: parseSecret,
  },
  SMTP_URL: {
    option: 'smtpUrl',
    about:
      'The server that mails are handed to: `smtp://USER:PASSWORD@HOST:PORT` (STARTTLS) or `smtps://…` (TLS from the start), user and password percent-encoded. Certificates are verified, unless the server is this machine.',
    fallback: 'classic: mails are kept, and shown at `/dev/mailbox`; hardened: required, unless the library is given `sendMail`',
    example: 'smtps://apikey:s%2Fcret@smtp.example.com:465',
    secret: true,
    parse: parseSmtpUrl,
  },
  BIENVENUE_MAIL_FROM: {
    option: 'mailFrom',
    about: 'Whom mails come from: an address, or a name and an address. Hardened requires it with `SMTP_URL`.',
    fallback: 'classic: `no-reply@localhost`',
    example: 'Example <no-reply@example.com>',
    parse: parseMailFrom,
  },
  BIENVENUE_TRUSTED_PROXIES: {
    option: 'trustedProxies',
    about: 'Networks whose `X-Forwarded-For` is believed, or `none`. Required in the hardened posture behind https.',
    fallback: 'none',
    example: '10.0.0.0/8,fd00::/8',
    parse: (text: string) => (text.trim() === 'none' ? [] : parseList(text).map(parseNetwork)),
  },
  BIENVENUE_ALLOWED_ORIGINS: {
    option: 'allowedOrigins',
    about: 'Origins of other pages that may call this service with the cookie, exactly as a browser sends them.',
    fallback: 'none',
    example: 'https://www.example.com,https://shop.example.com',
    parse: (text: string) => parseList(text).map(parseOrigin),
  },
  BIENVENUE_SESSION_IDLE: {
    option: 'sessionIdle',
    about: 'A session ends when it was not used for so long; at most 7d.',
    fallback: '7d; 1h where a second factor is required of everyone',
    example: '12h',
    parse: duration({ min: '5m', max: '7d' }),
  },
  BIENVENUE_SESSION_ABSOLUTE: {
    option: 'sessionAbsolute',
    about: 'A session ends so long after the login, whatever happens; at most 30d.',
    fallback: '30d; 24h where a second factor is required of everyone',
    example: '7d',
    parse: duration({ min: '5m', max: '30d' }),
  },
  BIENVENUE_RESET_TOKEN_TTL: {
    option: 'resetTokenTtl',
    about: 'How long a reset token works; 10m to 24h.',
    fallback: '60m',
    example: '30m',
    parse: duration({ min: '10m', max: '24h' }),
  },
  BIENVENUE_PASSWORD_MIN_LENGTH: {
    option: 'passwordMinLength',
    about:
      'The shortest password that can be chosen, in Unicode code points. Hardened takes no less than 15, or 8 where a second factor is required of everyone.',
    fallback: 'classic 1, hardened 15',
    example: '20',
    parse: integer({ min: 1, max: 64 }),
  },
  BIENVENUE_PASSWORD_PEPPER: {
    option: 'passwordPepper',
    about:
      'A second secret, which goes into every password hash, so that a stolen database alone lets nobody guess passwords. At least 32 bytes, versions as those of `BIENVENUE_SECRET`. Once in use it cannot be left out: see [keys.md](keys.md).',
    fallback: 'none',
    example: 'v1:$(openssl rand -base64 48)',
    secret: true,
    parse: parseSecret,
  },
  BIENVENUE_PASSWORD_HIBP: {
    option: 'passwordHibp',
    about:
      'Whether a password that is chosen is looked up among the breached ones of Have I Been Pwned: `on`, `off`, or the address of a mirror (https, unless it is this machine). Five hexadecimal digits of its SHA-1 leave the process. What cannot be asked within two seconds is left to the bundled list.',
    fallback: 'off',
    example: 'on',
    parse: parseBreachService,
  },
  BIENVENUE_ARGON2_MEMORY_KIB: {
    option: 'argon2MemoryKib',
    about: 'Memory of one password hash, in KiB. With the passes it must reach the OWASP floor: 19456/2, 47104/1 or 12288/3.',
    fallback: '19456',
    example: '47104',
    parse: integer(ARGON2_MEMORY),
  },
  BIENVENUE_ARGON2_PASSES: {
    option: 'argon2Passes',
    about: 'Passes over that memory.',
    fallback: '2',
    example: '3',
    parse: integer({ min: 1, max: 10 }),
  },
  BIENVENUE_ARGON2_PARALLELISM: {
    option: 'argon2Parallelism',
    about: 'Lanes of one hash.',
    fallback: '1',
    example: '1',
    parse: integer({ min: 1, max: 4 }),
  },
  BIENVENUE_AUDIT_RETENTION: {
    option: 'auditRetention',
    about: 'Audit events are removed after so long; 7d to 3650d. Addresses and user agents in them go after 90 days at the latest.',
    fallback: '180d',
    example: '365d',
    parse: duration({ min: '7d', max: '3650d' }),
  },
  BIENVENUE_REGISTRATION: {
    option: 'registration',
    about: '`open`, or `closed`: only the command line makes users.',
    fallback: 'open',
    example: 'closed',
    parse: oneOf('open', 'closed'),
  },
  BIENVENUE_SECOND_FACTOR: {
    option: 'secondFactor',
    about:
      '`optional`: whoever has added a second factor is asked for it. `required`: everybody is; who has none adds one before the next login completes, and sessions without one end.',
    fallback: 'optional',
    example: 'required',
    parse: oneOf('optional', 'required'),
  },
  BIENVENUE_NAME: {
    option: 'name',
    about: 'The name that pages and mails show; it may not be used as a password either.',
    fallback: 'Bienvenue',
    example: 'Example Ltd',
    parse: parseName,
  },
  BIENVENUE_LOGO: {
    option: 'logo',
    about:
      'A picture above every page, in place of the first letter of the name: the path of an SVG, PNG or WebP file of at most 64 KiB. It is served by the service itself.',
    fallback: 'none',
    example: '/etc/bienvenue/logo.svg',
    parse: parseLogo,
  },
  BIENVENUE_ACCENT: {
    option: 'accent',
    about: 'The colour of buttons and links on the pages, as `#rrggbb`. What stands on it is black or white, whichever is read better.',
    fallback: '#2554c7',
    example: '#0f766e',
    parse: parseAccent,
  },
  BIENVENUE_LANGUAGE: {
    option: 'language',
    about: 'The language of pages and mails: `en` or `fr`.',
    fallback: "pages: the browser's, if it is one of them, else English; mails: English",
    example: 'fr',
    parse: oneOf<Language>('en', 'fr'),
  },
  BIENVENUE_WORKERS: {
    option: null,
    about:
      'Processes that serve the port together on this machine. More than its cores gain nothing; each takes the memory of one service, and keeps its own database connections.',
    fallback: '1',
    example: '4',
    parse: integer({ min: 1, max: 64 }),
  },
  BIENVENUE_METRICS_ADDRESS: {
    option: null,
    about:
      'Where `GET /metrics` answers, apart from the service: `ADDRESS:PORT`, IPv6 in brackets. It asks nobody for a password, so choose an address that only your monitoring reaches.',
    fallback: 'classic: `/metrics` at the port of the service; hardened: nowhere',
    example: '127.0.0.1:9464',
    parse: parseListenAddress,
  },
  BIENVENUE_LOG_LEVEL: {
    option: 'logLevel',
    about: 'The least that is logged: `debug`, `info`, `warn`, `error` or `silent`.',
    fallback: 'info (the library: warn)',
    example: 'warn',
    parse: oneOf<LogLevel>('debug', 'info', 'warn', 'error', 'silent'),
  },
} satisfies Record<string, Setting<unknown>>

export type SettingName = keyof typeof SETTINGS
export type SettingValue<N extends SettingName> = ReturnType<(typeof SETTINGS)[N]['parse']>
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]
