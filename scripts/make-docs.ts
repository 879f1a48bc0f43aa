// `npm run docs`: writes docs/configuration.md and docs/errors.md from the source. With --check it writes nothing and fails if they are stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { type Environment, parseConfig } from '../src/config.ts'
import { AuthError, type ErrorCode } from '../src/errors.ts'
import { PUBLIC_ERRORS, publicSentence } from '../src/http/error-response.ts'
import { BREACHED_SENTENCE, checkPasswordPolicy } from '../src/passwords/password-policy.ts'
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from '../src/settings.ts'

const GENERATED = '<!-- Made by `npm run docs` from the source. Do not edit. -->'

/** Rules between settings. Each is provoked here, so that what the page says is what the parser says; a rule that is gone stops this script. */
const RULES: readonly { readonly says: string; readonly provoke: Environment; readonly library?: true }[] = [
  {
    says: 'An unknown name that begins with `BIENVENUE_` is refused: a typing error must not weaken anything.',
    provoke: { BIENVENUE_POSTUR: 'x' },
  },
  { says: 'A secret is given by itself or by a file, not both.', provoke: { BIENVENUE_SECRET: 'x', BIENVENUE_SECRET_FILE: 'secret.txt' } },
  {
    says: 'The pepper is a secret of its own.',
    provoke: {
      BIENVENUE_SECRET: 'a secret of the documentation, for nobody to use',
      BIENVENUE_PASSWORD_PEPPER: 'a secret of the documentation, for nobody to use',
    },
  },
  { says: '`HOST` is an address or `localhost`, not another name.', provoke: { ...hardened(), HOST: 'example.com' } },
  { says: 'The cost of a password hash must reach one of the three floors, as a pair.', provoke: { BIENVENUE_ARGON2_PASSES: '1' } },
  {
    says: 'A session cannot be idle for longer than it lives. If only the absolute lifetime is set, below 7d, the idle one follows it.',
    provoke: { BIENVENUE_SESSION_IDLE: '2d', BIENVENUE_SESSION_ABSOLUTE: '1d' },
  },
  {
    says: 'Classic: the public URL must be this machine.',
    provoke: { BIENVENUE_POSTURE: 'classic', BIENVENUE_PUBLIC_URL: 'https://app.example.com' },
  },
  { says: 'Classic: so must the address to listen on.', provoke: { HOST: '0.0.0.0' } },
  { says: 'Classic: and every allowed origin.', provoke: { BIENVENUE_ALLOWED_ORIGINS: 'https://www.example.com' } },
  { says: 'Classic: under `NODE_ENV=production` it must be named, not taken by default.', provoke: { NODE_ENV: 'production' } },
  { says: 'Several workers share a database, so it is not in memory.', provoke: { BIENVENUE_WORKERS: '2', DATABASE_URL: 'file::memory:' } },
  { says: 'Hardened: a secret is required.', provoke: { ...hardened(), BIENVENUE_SECRET: undefined } },
  {
    says: 'Hardened: a password has at least 15 characters while it can be the only factor.',
    provoke: { ...hardened(), BIENVENUE_PASSWORD_MIN_LENGTH: '8' },
  },
  {
    says: 'Hardened: and at least 8 where a second factor is required of everyone.',
    provoke: { ...hardened(), BIENVENUE_SECOND_FACTOR: 'required', BIENVENUE_PASSWORD_MIN_LENGTH: '7' },
  },
  {
    says: 'Hardened: behind https there is a proxy, and it must be named.',
    provoke: { ...hardened(), BIENVENUE_TRUSTED_PROXIES: undefined },
  },
  {
    says: 'Hardened: there is a way to send mail; the library may be given a function for it.',
    provoke: { ...hardened(), SMTP_URL: undefined },
  },
  {
    says: 'Hardened: with a mail server goes an address that mails come from.',
    provoke: { ...hardened(), BIENVENUE_MAIL_FROM: undefined },
  },
  {
    says: 'Hardened: an allowed origin is https, unless it is this machine.',
    provoke: { ...hardened(), BIENVENUE_ALLOWED_ORIGINS: 'http://www.example.com' },
  },
  { says: 'The library, on a file, needs a public URL, or classic written out.', provoke: {}, library: true },
]

/** What a container platform writes for a service that is called "bienvenue". */
const INJECTED = ['BIENVENUE_PORT', 'BIENVENUE_PORT_5000_TCP', 'BIENVENUE_SERVICE_HOST']

function hardened(): Environment {
  return {
    BIENVENUE_PUBLIC_URL: 'https://app.example.com',
    BIENVENUE_SECRET: 'a secret of the documentation, for nobody to use',
    BIENVENUE_TRUSTED_PROXIES: 'none',
    SMTP_URL: 'smtps://smtp.example.com',
    BIENVENUE_MAIL_FROM: 'no-reply@example.com',
  }
}

/** The one problem that these settings have. */
function problemOf(provoke: Environment, library: boolean): string {
  const message = refusalOf(() => parseConfig(provoke, { library, toStart: true })).message
  const problems = message.split('\n').filter((line) => line.startsWith('  - '))
  if (problems.length !== 1) throw new Error(`one problem was expected of ${JSON.stringify(provoke)}, found:\n${message}`)
  return problems.join().slice('  - '.length)
}

function refusalOf(work: () => void): AuthError {
  try {
    work()
  } catch (error) {
    if (error instanceof AuthError) return error
    throw error
  }
  throw new Error(`this was expected to be refused: ${work}`)
}

function configurationPage(): string {
  parseConfig(Object.fromEntries(INJECTED.map((name) => [name, 'tcp://10.0.0.1:5000'])))
  return `${GENERATED}

# Configuration

Settings come from the environment, once, at the start. The library takes the same ones as options of \`createAuth\`, under the names in the second column.
All problems are reported together, and nothing is created or opened before all settings are good. \`npx bienvenue config\` shows what is in force and where each
value comes from.

- An empty value is a setting that was not made.
- A duration has a unit: \`90s\`, \`15m\`, \`12h\`, \`30d\`.
- A list is separated by commas; the library takes an array too.
- A secret may also stand in a file, which \`NAME_FILE\` names. It is never printed.

| setting | library option | default |
|---|---|---|
${SETTING_NAMES.map((name) => `| [\`${name}\`](#${name.toLowerCase()}) | ${optionOf(name)} | ${cell(SETTINGS[name].fallback)} |`).join('\n')}

${SETTING_NAMES.map(settingSection).join('\n\n')}

## Rules between settings

Each with what the service says when the rule is broken. The library says its own option's name in place of the setting's.

${RULES.map(({ says, provoke, library }) => `- ${says}\n  \`${problemOf(provoke, library ?? false)}\``).join('\n')}

## Names that are ignored

Kubernetes and others put the addresses of a service that is called "bienvenue" into the environment of every container, under names such as
${INJECTED.map((name) => `\`${name}\``).join(', ')}. \`BIENVENUE_PORT\`, \`BIENVENUE_PORT_…\` and \`BIENVENUE_SERVICE_…\` are therefore ignored, not refused.
The port of this service is \`PORT\`.

## Beside the settings

\`NODE_COMPILE_CACHE\` and \`UV_THREADPOOL_SIZE\` are Node's own. The service sets both when they are not set: see
[the decision](adr/0006-cost-of-a-session-check.md).
`
}

function settingSection(name: SettingName): string {
  const setting: Setting<unknown> = SETTINGS[name]
  const lines = [`- Default: ${setting.fallback}`, `- Example: \`${name}=${setting.example}\``]
  if (setting.option !== null) lines.push(`- In the library: \`${setting.option}\``)
  if (setting.secret) lines.push(`- From a file: \`${name}_FILE\``)
  return `## \`${name}\`\n\n${setting.about}\n\n${lines.join('\n')}`
}

function optionOf(name: SettingName): string {
  const { option } = SETTINGS[name]
  return option === null ? 'none' : `\`${option}\``
}

/** Text within a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

/** `code` to what its comment in the union says. */
function meanings(): Map<string, string> {
  const source = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8')
  const entries = source.matchAll(/\/\*\* ([^*]+) \*\/\n {2}\| '(\w+)'/g)
  return new Map([...entries].map(([, meaning = '', code = '']) => [code, meaning]))
}

/** Never sent over HTTP by a service that runs: it does not start, or nobody but the library's caller or the command line can cause it. */
const ELSEWHERE: Partial<Record<ErrorCode, string>> = {
  configuration_invalid: 'at the start and on the command line',
  database_refused: 'at the start and on the command line',
  file_refused: 'on the command line',
  unknown_attribute: 'from the library',
}

function errorRow([code, meaning]: [string, string]): string {
  // The table of the answers has exactly the codes of the union; the compiler sees to that.
  const known = code as ErrorCode
  const sentence = publicSentence(new AuthError(known, { field: 'email', allow: 'GET, HEAD, OPTIONS' }))
  const status = ELSEWHERE[known] ?? String(PUBLIC_ERRORS[known].status)
  return `| \`${code}\` | ${status} | ${cell(meaning)} | ${ELSEWHERE[known] ? 'names what is wrong' : cell(sentence)} |`
}

/** Passwords that break one rule each. */
const REJECTED = ['short', 'x'.repeat(257), 'sunshinesunshine', 'bob@bob.com']

function reasonRows(): string {
  const config = parseConfig(hardened())
  const rows = REJECTED.map((password) => {
    const email = password.includes('@') ? 'bob@bobs-bicycles.example.com' : 'bob@bob.com'
    const typed = password.includes('@') ? email : password
    const { details } = refusalOf(() => checkPasswordPolicy(config, typed, { email, field: 'password' }))
    return `| \`${details.reason}\` | ${cell(details.sentence ?? '')} |`
  })
  return [...rows, `| \`breached\` | ${cell(BREACHED_SENTENCE)} |`].join('\n')
}

function errorsPage(): string {
  const all = meanings()
  const missing = Object.keys(PUBLIC_ERRORS).filter((code) => !all.has(code))
  if (missing.length > 0 || all.size !== Object.keys(PUBLIC_ERRORS).length)
    throw new Error(`these codes have no comment in src/errors.ts: ${missing.join(', ')}`)
  return `${GENERATED}

# Errors

A refusal is JSON with a code from this closed list, a sentence for people, and the request's id, under which the log has the true reason. \`field\` names the
input at fault where there is one; \`reason\` says which rule a password breaks.

\`\`\`json
{"error":"field_required","message":"The field \\"email\\" is required.","field":"email","request_id":"37d79c27-3eb7-4b7c-833d-0cac096f1547"}
\`\`\`

One refusal has a body of its own, because clients of the contract compare it: a taken address is exactly \`{"message":"email already registered"}\`.

In the library the same codes are \`error.code\` of an \`AuthError\`. Codes are never renamed; match on them, not on sentences.

| code | status | meaning | sentence |
|---|---|---|---|
${[...all].map(errorRow).join('\n')}

Every 503 and 429 has \`Retry-After\`. A 405 has \`Allow\`. 401 comes only from a login, \`POST /sessions\`; a dead session is 403 everywhere. What Node's own HTTP parser
refuses before a route is reached has no body, only a status (400, 408 or 431) and \`X-Request-Id\`.

## Why a password was rejected

\`password_rejected\` carries one of these as \`reason\`. \`common\` and \`context\` are asked in the hardened posture only, \`breached\` where \`BIENVENUE_PASSWORD_HIBP\`
is on.

| reason | sentence, with the hardened default |
|---|---|
${reasonRows()}
`
}

const pages = [
  { path: '../docs/configuration.md', text: configurationPage() },
  { path: '../docs/errors.md', text: errorsPage() },
]
const stale = pages.filter(({ path, text }) => textAt(path) !== text)

function textAt(path: string): string | null {
  try {
    return readFileSync(new URL(path, import.meta.url), 'utf8')
  } catch {
    // Not there yet, so as stale as can be.
    return null
  }
}

if (process.argv.includes('--check')) {
  for (const { path } of stale) console.error(`${path.slice('../'.length)} is stale; npm run docs makes it anew.`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else {
  for (const { path, text } of pages) writeFileSync(new URL(path, import.meta.url), text)
  console.log(`${pages.map(({ path }) => path.slice('../'.length)).join(' and ')} are written.`)
}
