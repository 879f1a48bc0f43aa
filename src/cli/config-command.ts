import { Command } from 'commander'
import { type Config, describeDatabase, type Environment, parseConfig } from '../config.ts'
import type { ListenAddress, MailFrom, SmtpServer } from '../setting-parsers.ts'
import { SETTING_NAMES, SETTINGS, type SettingName } from '../settings.ts'
import { print, printJson, printTable } from './output.ts'

/** `bienvenue config`: what is in force and why. Problems are reported by the parser itself, all at once. */
export function configCommand(env: Environment): Command {
  return new Command('config')
    .description('show the settings in force; secrets are hidden')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => {
      const settings = effectiveSettings(parseConfig(env), env)
      if (options.json) return printJson(Object.fromEntries(settings.map(({ name, ...rest }) => [name, rest])))
      printTable(
        ['SETTING', 'VALUE', 'FROM'],
        settings.map(({ name, value, from }) => [name, value, from]),
      )
      print('\nEvery setting is explained in docs/configuration.md.')
    })
}

function effectiveSettings(config: Config, env: Environment) {
  const values = valuesOf(config)
  return SETTING_NAMES.map((name) => {
    const file = 'secret' in SETTINGS[name] && env[`${name}_FILE`]
    return { name, value: values[name], from: file ? 'file' : env[name] ? 'environment' : 'default' }
  })
}

function valuesOf(config: Config): Record<SettingName, string> {
  const { argon2, minLength } = config.password
  return {
    HOST: config.listen.hosts.join(' and '),
    PORT: String(config.listen.port),
    DATABASE_URL: describeDatabase(config.database),
    BIENVENUE_DATABASE_POOL: config.database.engine === 'postgres' ? String(config.database.poolSize) : '-',
    BIENVENUE_PG_PREPARE: config.database.engine === 'postgres' ? (config.database.prepare ? 'on' : 'off') : '-',
    BIENVENUE_PUBLIC_URL: `${config.publicUrl.origin}${config.publicUrl.pathPrefix}`,
    BIENVENUE_POSTURE: config.posture,
    BIENVENUE_SECRET: config.secrets.root.length > 0 ? '[secret]' : 'in bienvenue.secret beside the database',
    SMTP_URL: config.mail.smtp === null ? 'none' : smtpText(config.mail.smtp),
    BIENVENUE_MAIL_FROM: config.mail.from === null ? 'none' : fromText(config.mail.from),
    BIENVENUE_TRUSTED_PROXIES: config.trustedProxies.join(',') || 'none',
    BIENVENUE_ALLOWED_ORIGINS: [...config.allowedOrigins].join(',') || 'none',
    BIENVENUE_SESSION_IDLE: durationText(config.session.idleSeconds),
    BIENVENUE_SESSION_ABSOLUTE: durationText(config.session.absoluteSeconds),
    BIENVENUE_RESET_TOKEN_TTL: durationText(config.resetTokenSeconds),
    BIENVENUE_PASSWORD_MIN_LENGTH: String(minLength),
    BIENVENUE_PASSWORD_PEPPER: config.secrets.pepper.length > 0 ? '[secret]' : 'none',
    BIENVENUE_PASSWORD_HIBP: config.password.hibp ?? 'off',
    BIENVENUE_ARGON2_MEMORY_KIB: String(argon2.memoryKib),
    BIENVENUE_ARGON2_PASSES: String(argon2.passes),
    BIENVENUE_ARGON2_PARALLELISM: String(argon2.parallelism),
    BIENVENUE_AUDIT_RETENTION: durationText(config.audit.retentionSeconds),
    BIENVENUE_REGISTRATION: config.registration,
    BIENVENUE_SECOND_FACTOR: config.secondFactor,
    BIENVENUE_NAME: config.name,
    BIENVENUE_LOGO: config.appearance.logo?.path ?? 'none',
    BIENVENUE_ACCENT: config.appearance.accent,
    BIENVENUE_LANGUAGE: config.language ?? "the browser's",
    BIENVENUE_WORKERS: String(config.workers),
    BIENVENUE_METRICS_ADDRESS: config.metrics === null ? 'none' : addressText(config.metrics),
    BIENVENUE_LOG_LEVEL: config.logLevel,
  }
}

function addressText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Without the password. */
function smtpText({ implicitTls, user, host, port }: SmtpServer): string {
  return `${implicitTls ? 'smtps' : 'smtp'}://${user === null ? '' : `${encodeURIComponent(user)}@`}${addressText({ host, port })}`
}

function fromText({ name, address }: MailFrom): string {
  return name === null ? address : `${name} <${address}>`
}

/** With the largest unit that leaves nothing over. */
function durationText(seconds: number): string {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const)
    if (seconds % size === 0) return `${seconds / size}${unit}`
  return `${seconds}s`
}
