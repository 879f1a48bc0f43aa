import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../test/temporary-directory.ts'
import { hardenedEnv, TEST_SECRET } from '../test/test-app.ts'
import { type Config, type Environment, parseConfig } from './config.ts'
import { type AuthOptions, createAuth } from './create-auth.ts'
import { AuthError } from './errors.ts'

/** The problems that a configuration is refused for, a line each; none if it is taken. */
function problemsOf(env: Environment, options?: Parameters<typeof parseConfig>[1]): string[] {
  try {
    parseConfig(env, options)
    return []
  } catch (error) {
    assert.ok(error instanceof AuthError)
    assert.equal(error.code, 'configuration_invalid')
    const [first, ...lines] = error.message.split('\n')
    assert.equal(first, 'The settings cannot be used:')
    return lines.map((line) => line.replace('  - ', ''))
  }
}

/** The one problem of this environment. */
function problemOf(env: Environment): string {
  const problems = problemsOf(env)
  assert.equal(problems.length, 1, `${JSON.stringify(env)}: ${problems.join(' | ') || 'taken'}`)
  return problems[0] ?? ''
}

const PUBLIC = { BIENVENUE_PUBLIC_URL: 'https://app.example.com', BIENVENUE_TRUSTED_PROXIES: 'none', BIENVENUE_SECRET: TEST_SECRET }

test('without any setting the service is classic, on this machine, in a file, with the documented lifetimes', () => {
  const config = parseConfig({})
  assert.deepEqual(config, {
    posture: 'classic',
    publicUrl: { origin: 'http://localhost:5000', host: 'localhost:5000', hostname: 'localhost', pathPrefix: '', https: false },
    listen: { hosts: ['127.0.0.1', '::1'], port: 5000 },
    database: { engine: 'sqlite', path: 'bienvenue.db' },
    secrets: { root: [], pepper: [] },
    mail: { smtp: null, from: null },
    trustedProxies: [],
    allowedOrigins: new Set(),
    session: { idleSeconds: 7 * 86_400, absoluteSeconds: 30 * 86_400 },
    resetTokenSeconds: 3_600,
    audit: { retentionSeconds: 180 * 86_400 },
    password: { minLength: 1, argon2: { memoryKib: 19_456, passes: 2, parallelism: 1 }, hibp: null },
    registration: 'open',
    secondFactor: 'optional',
    name: 'Bienvenue',
    appearance: { logo: null, accent: '#2554c7' },
    language: null,
    logLevel: 'info',
    workers: 1,
    metrics: null,
  } satisfies Config)
})

test('an empty setting is a setting that was not made', () => {
  const empty = { HOST: '', PORT: '', DATABASE_URL: '', BIENVENUE_PUBLIC_URL: '', BIENVENUE_SECRET: '', BIENVENUE_SESSION_IDLE: '' }
  assert.deepEqual(parseConfig(empty), parseConfig({}))
})

test('every problem is reported at once, each under its name', () => {
  const problems = problemsOf({
    PORT: '70000',
    DATABASE_URL: 'mysql://x',
    BIENVENUE_POSTURE: 'relaxed',
    BIENVENUE_SECRET: 'short',
    BIENVENUE_SESSION_IDLE: '30',
    BIENVENUE_RESET_TOKEN_TTL: '5m',
    BIENVENUE_ARGON2_PASSES: '1',
    BIENVENUE_REGISTRATION: 'maybe',
    BIENVENUE_LOG_LEVEL: 'loud',
    BIENVENUE_ALOWED_ORIGINS: 'https://x.example',
  })
  const names = problems.map((problem) => problem.split(' ')[0]).sort()
  assert.deepEqual(names, [
    'BIENVENUE_ALOWED_ORIGINS',
    'BIENVENUE_ARGON2_MEMORY_KIB',
    'BIENVENUE_LOG_LEVEL',
    'BIENVENUE_POSTURE',
    'BIENVENUE_REGISTRATION',
    'BIENVENUE_RESET_TOKEN_TTL',
    'BIENVENUE_SECRET',
    'BIENVENUE_SESSION_IDLE',
    'DATABASE_URL',
    'PORT',
  ])
})

/** Values that cannot be used, by setting; each alone must be refused with a message that begins with the setting's name. */
const BAD_VALUES: Record<string, readonly string[]> = {
  PORT: ['-1', '65536', '5000.5', '0x10', 'http', '1e3', ' '],
  HOST: ['example.com', 'not a host', '127.0.0.1:5000', 'localhost.evil.com'],
  DATABASE_URL: ['bienvenue.db', 'file:', 'sqlite:x.db', 'mysql://u:p@h/d', 'postgres://u:p@h:port/d'],
  BIENVENUE_PUBLIC_URL: [
    'app.example.com',
    'http://app.example.com',
    'ftp://localhost',
    'https://',
    'http://localhost/?a=1',
    'http://localhost/#a',
    'http://user@localhost',
    'http://user:password@localhost',
    'javascript:alert(1)',
  ],
  BIENVENUE_POSTURE: ['Classic', 'production', 'none', 'classic,hardened'],
  BIENVENUE_SECRET: [
    'short',
    'a'.repeat(64),
    'v1:short',
    `${TEST_SECRET},v1:${'abcdefgh'.repeat(8)}`,
    `${TEST_SECRET},x`,
    `${TEST_SECRET},`,
    'v99999:abcdefghijklmnopqrstuvwxyz012345',
  ],
  BIENVENUE_TRUSTED_PROXIES: [
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    'proxy.example.com',
    '10.0.0/8',
    '::1/129',
    '10.0.0.0/-1',
    '10.0.0.0/',
    'any',
    '*',
  ],
  BIENVENUE_ALLOWED_ORIGINS: [
    '*',
    'null',
    'localhost',
    'http://localhost/',
    'http://localhost:80',
    'HTTP://localhost',
    'http://localhost/path',
  ],
  BIENVENUE_SESSION_IDLE: ['7', '30', '8d', '4m', '1w', '-1h', '1.5h', '1 h', 'forever', '0s', '99999999s'],
  BIENVENUE_SESSION_ABSOLUTE: ['30', '31d', '4m', '1y'],
  BIENVENUE_RESET_TOKEN_TTL: ['60', '9m', '25h', '1440'],
  BIENVENUE_PASSWORD_MIN_LENGTH: ['0', '65', '-1', 'eight', '8.5'],
  BIENVENUE_PASSWORD_PEPPER: [
    'short',
    'a'.repeat(64),
    `v1:${'abcdefghijklmnopqrstuvwxyz012345'},short`,
    'changeme',
    '$(openssl rand -base64 48)',
  ],
  BIENVENUE_PASSWORD_HIBP: [
    'yes',
    'true',
    'api.example.com',
    'http://api.example.com',
    'ftp://localhost',
    'https://a:b@example.com',
    'https://example.com?a=1',
  ],
  BIENVENUE_ARGON2_MEMORY_KIB: ['7167', '262145', '19MiB', '19455', '8192'],
  BIENVENUE_ARGON2_PASSES: ['0', '11', 'two'],
  BIENVENUE_ARGON2_PARALLELISM: ['0', '5'],
  BIENVENUE_REGISTRATION: ['yes', 'true', 'Closed'],
  BIENVENUE_SECOND_FACTOR: ['yes', 'true', 'Required'],
  BIENVENUE_NAME: ['x'.repeat(65), 'a\u0000b', 'a\nb', 'a\u202eb'],
  BIENVENUE_LOGO: [
    '/nowhere/logo.svg',
    import.meta.filename,
    import.meta.dirname,
    'https://example.com/logo.svg',
    'data:image/png;base64,AA==',
  ],
  BIENVENUE_ACCENT: [
    'blue',
    '#fff',
    '2554c7',
    '#2554c7;',
    '</style><script>',
    'red}body{display:none',
    'url(https://evil.example)',
    '#2554c',
  ],
  BIENVENUE_LANGUAGE: ['de', 'EN', 'fr-FR', 'en,fr', '../fr'],
  BIENVENUE_WORKERS: ['0', '65', '-1', '1.5', 'all'],
  BIENVENUE_METRICS_ADDRESS: [
    '9464',
    ':9464',
    '127.0.0.1',
    '127.0.0.1:65536',
    '::1:9464',
    '[127.0.0.1]:9464',
    '[::1]',
    'example.com:9464',
    'http://127.0.0.1:9464',
  ],
  BIENVENUE_LOG_LEVEL: ['trace', 'verbose', 'INFO'],
}

for (const [name, values] of Object.entries(BAD_VALUES)) {
  test(`${name} refuses ${values.length === 1 ? 'a value' : 'values'} that cannot be used`, () => {
    for (const value of values) {
      const problem = problemsOf({ [name]: value }).find((line) => line.startsWith(`${name} `))
      assert.ok(problem, `${name}=${value} was taken, or refused under another name`)
    }
  })
}

test('every setting takes its good values', () => {
  const config = parseConfig({
    HOST: '127.0.0.2',
    PORT: '0',
    DATABASE_URL: 'file:///var/lib/bienvenue.db',
    BIENVENUE_PUBLIC_URL: 'http://localhost:8080/auth/',
    BIENVENUE_POSTURE: 'classic',
    BIENVENUE_SECRET: `v2:${'abcdefghijklmnopqrstuvwxyz012345'}, ${TEST_SECRET}`,
    BIENVENUE_TRUSTED_PROXIES: '10.0.0.0/8, ::1, 192.0.2.7',
    BIENVENUE_ALLOWED_ORIGINS: 'http://localhost:3000, http://127.0.0.1:3000',
    BIENVENUE_SESSION_IDLE: '90m',
    BIENVENUE_SESSION_ABSOLUTE: '12h',
    BIENVENUE_RESET_TOKEN_TTL: '600s',
    BIENVENUE_PASSWORD_MIN_LENGTH: '8',
    BIENVENUE_PASSWORD_PEPPER: `v3:${'543210zyxwvutsrqponmlkjihgfedcba'},v1:${'a0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5'}`,
    BIENVENUE_PASSWORD_HIBP: 'https://mirror.example.com/pwned/',
    BIENVENUE_ARGON2_MEMORY_KIB: '47104',
    BIENVENUE_ARGON2_PASSES: '1',
    BIENVENUE_ARGON2_PARALLELISM: '4',
    BIENVENUE_REGISTRATION: 'closed',
    BIENVENUE_SECOND_FACTOR: 'required',
    BIENVENUE_NAME: 'Example Ltd',
    BIENVENUE_ACCENT: '#0F766E',
    BIENVENUE_LANGUAGE: 'fr',
    BIENVENUE_WORKERS: '64',
    BIENVENUE_METRICS_ADDRESS: '[::1]:9464',
    BIENVENUE_LOG_LEVEL: 'warn',
  })
  assert.deepEqual(config.listen, { hosts: ['127.0.0.2'], port: 0 })
  assert.deepEqual(config.database, { engine: 'sqlite', path: '/var/lib/bienvenue.db' })
  assert.equal(config.publicUrl.pathPrefix, '/auth')
  assert.deepEqual(
    config.secrets.root.map(({ version }) => version),
    ['v2', 'v1'],
  )
  assert.deepEqual(
    config.secrets.pepper.map(({ version }) => version),
    ['v3', 'v1'],
  )
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1/128', '192.0.2.7/32'])
  assert.deepEqual([...config.allowedOrigins], ['http://localhost:3000', 'http://127.0.0.1:3000'])
  assert.deepEqual(config.session, { idleSeconds: 5_400, absoluteSeconds: 43_200 })
  assert.equal(config.resetTokenSeconds, 600)
  const argon2 = { memoryKib: 47_104, passes: 1, parallelism: 4 }
  assert.deepEqual(config.password, { minLength: 8, argon2, hibp: 'https://mirror.example.com/pwned' })
  assert.deepEqual([config.registration, config.name, config.logLevel], ['closed', 'Example Ltd', 'warn'])
  assert.deepEqual([config.secondFactor, config.appearance.accent, config.language], ['required', '#0f766e', 'fr'])
})

test('an unknown name with our prefix is refused with the nearest known one, and without its value', () => {
  assert.equal(problemOf({ BIENVENUE_SECRETS: 'my-secret-value' }), 'BIENVENUE_SECRETS is not a setting; did you mean BIENVENUE_SECRET?')
  assert.match(problemOf({ BIENVENUE_TRUSTED_PROXY: 'x' }), /did you mean BIENVENUE_TRUSTED_PROXIES\?/)
  assert.match(problemOf({ BIENVENUE_RESET_TOKEN_TIL: 'x' }), /did you mean BIENVENUE_RESET_TOKEN_TTL\?/)
  assert.match(problemOf({ BIENVENUE_PASSWORD_MIN_LENGTH_FILE: 'x' }), /did you mean BIENVENUE_PASSWORD_MIN_LENGTH\?/)
  assert.match(problemOf({ BIENVENUE_: 'x' }), /is not a setting/)
  assert.deepEqual(problemsOf({ PATH: '/bin', BIENVENU_SECRET: 'x', MY_BIENVENUE_SECRET: 'x' }), [], 'names that are not ours are ignored')
})

test('names that a container platform injects are ignored', () => {
  const injected = {
    BIENVENUE_PORT: 'tcp://10.0.0.1:5000',
    BIENVENUE_PORT_5000_TCP: 'tcp://10.0.0.1:5000',
    BIENVENUE_PORT_5000_TCP_ADDR: '10.0.0.1',
    BIENVENUE_SERVICE_HOST: '10.0.0.1',
    BIENVENUE_SERVICE_PORT_HTTP: '5000',
  }
  assert.deepEqual(parseConfig(injected), parseConfig({}))
  assert.match(problemOf({ BIENVENUE_PORTS: '5000' }), /is not a setting/, 'but not what merely begins like them')
})

test('the posture follows the public URL: classic on this machine, hardened everywhere else', () => {
  for (const url of ['http://localhost:5000', 'http://127.0.0.1', 'http://127.3.2.1:80', 'http://[::1]:5000', 'https://localhost'])
    assert.equal(parseConfig({ BIENVENUE_PUBLIC_URL: url }).posture, 'classic', url)
  for (const url of ['https://app.example.com', 'https://localhost.example.com', 'https://192.168.1.5'])
    assert.equal(parseConfig({ ...PUBLIC, BIENVENUE_PUBLIC_URL: url }).posture, 'hardened', url)
  assert.equal(parseConfig(hardenedEnv()).posture, 'hardened')
})

test('classic refuses a public URL, an address and an origin that are not this machine', () => {
  const classic = { BIENVENUE_POSTURE: 'classic' }
  assert.match(
    problemOf({ ...classic, BIENVENUE_PUBLIC_URL: 'https://app.example.com' }),
    /^BIENVENUE_PUBLIC_URL .*BIENVENUE_POSTURE=hardened/,
  )
  for (const HOST of ['0.0.0.0', '::', '192.168.1.5', '10.0.0.1'])
    assert.match(problemOf({ HOST }), /^HOST .*BIENVENUE_POSTURE=hardened/, HOST)
  for (const HOST of ['127.0.0.1', '127.0.0.9', '::1', 'localhost']) assert.deepEqual(problemsOf({ HOST }), [], HOST)
  for (const origin of ['https://www.example.com', 'http://localhost.evil.com', 'http://192.168.1.5:3000'])
    assert.match(problemOf({ BIENVENUE_ALLOWED_ORIGINS: `http://localhost:3000,${origin}` }), /^BIENVENUE_ALLOWED_ORIGINS /, origin)
})

test('in production a posture must be named', () => {
  assert.match(problemOf({ NODE_ENV: 'production' }), /NODE_ENV is production and no posture is named/)
  assert.deepEqual(problemsOf({ NODE_ENV: 'production', BIENVENUE_POSTURE: 'classic' }), [])
  assert.deepEqual(problemsOf({ NODE_ENV: 'production', ...PUBLIC }), [])
  assert.deepEqual(problemsOf({ NODE_ENV: 'development' }), [])
})

test('hardened needs a secret, 15 characters, and the proxies of an https address', () => {
  assert.match(problemOf({ BIENVENUE_POSTURE: 'hardened' }), /^BIENVENUE_SECRET is required.*openssl rand/)
  assert.match(
    problemOf(hardenedEnv({ BIENVENUE_PASSWORD_MIN_LENGTH: '14' })),
    /^BIENVENUE_PASSWORD_MIN_LENGTH must be at least 15.*found 14/,
  )
  assert.match(
    problemOf({ ...PUBLIC, BIENVENUE_TRUSTED_PROXIES: undefined }),
    /^BIENVENUE_TRUSTED_PROXIES is required with an https public URL/,
  )
  assert.equal(problemsOf({ BIENVENUE_PUBLIC_URL: 'https://app.example.com', BIENVENUE_PASSWORD_MIN_LENGTH: '8' }).length, 3, 'all at once')
  assert.equal(parseConfig(PUBLIC).password.minLength, 15)
  assert.equal(parseConfig({ ...PUBLIC, BIENVENUE_PASSWORD_MIN_LENGTH: '20' }).password.minLength, 20)
  const required = { ...PUBLIC, BIENVENUE_SECOND_FACTOR: 'required' }
  assert.equal(parseConfig(required).password.minLength, 15)
  assert.equal(parseConfig({ ...required, BIENVENUE_PASSWORD_MIN_LENGTH: '8' }).password.minLength, 8)
  assert.match(problemOf({ ...required, BIENVENUE_PASSWORD_MIN_LENGTH: '7' }), /must be at least 8, found 7$/)
  assert.deepEqual(parseConfig(hardenedEnv()).trustedProxies, [], 'http on this machine has no proxy')
  assert.deepEqual(parseConfig({ ...PUBLIC, HOST: '0.0.0.0' }).listen.hosts, ['0.0.0.0'])
})

test('the Argon2 cost reaches one of the OWASP floors, or is refused', () => {
  const cost = (memory: string, passes: string) => ({ BIENVENUE_ARGON2_MEMORY_KIB: memory, BIENVENUE_ARGON2_PASSES: passes })
  for (const [memory, passes] of [
    ['19456', '2'],
    ['47104', '1'],
    ['12288', '3'],
    ['262144', '10'],
  ] as const)
    assert.deepEqual(problemsOf(cost(memory, passes)), [], `${memory}/${passes}`)
  for (const [memory, passes] of [
    ['19455', '2'],
    ['47103', '1'],
    ['12287', '3'],
    ['19456', '1'],
    ['7168', '10'],
  ] as const)
    assert.match(problemOf(cost(memory, passes)), /below the OWASP floor/, `${memory}/${passes}`)
})

test('a session cannot be idle for longer than it lives', () => {
  assert.match(problemOf({ BIENVENUE_SESSION_IDLE: '2d', BIENVENUE_SESSION_ABSOLUTE: '1d' }), /^BIENVENUE_SESSION_IDLE is longer than/)
  assert.deepEqual(parseConfig({ BIENVENUE_SESSION_ABSOLUTE: '1d' }).session, { idleSeconds: 86_400, absoluteSeconds: 86_400 })
})

test('a secret may come from the file that BIENVENUE_SECRET_FILE names', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bienvenue-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'secret')
  writeFileSync(path, `${TEST_SECRET}\n`)
  const fromFile = parseConfig({ BIENVENUE_SECRET_FILE: path })
  assert.deepEqual(fromFile.secrets.root, parseConfig({ BIENVENUE_SECRET: TEST_SECRET }).secrets.root)

  assert.match(problemOf({ BIENVENUE_SECRET_FILE: path, BIENVENUE_SECRET: TEST_SECRET }), /^BIENVENUE_SECRET is set twice/)
  assert.match(problemOf({ BIENVENUE_SECRET_FILE: join(directory, 'none') }), /^BIENVENUE_SECRET cannot be read from .*none/)
  writeFileSync(path, 'short')
  assert.match(problemOf({ BIENVENUE_SECRET_FILE: path }), /^BIENVENUE_SECRET version v1 is shorter than 32 bytes/)
})

test('the pepper may come from a file, and is not the root secret once more', () => {
  const fromFile = parseConfig({ BIENVENUE_PASSWORD_PEPPER_FILE: '/pepper' }, { readFile: () => `${TEST_SECRET}\n` })
  assert.deepEqual(fromFile.secrets.pepper, parseConfig({ BIENVENUE_PASSWORD_PEPPER: TEST_SECRET }).secrets.pepper)
  const twice = { BIENVENUE_SECRET: TEST_SECRET, BIENVENUE_PASSWORD_PEPPER: `v2:${'a0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5'},${TEST_SECRET}` }
  assert.match(problemOf(twice), /^BIENVENUE_PASSWORD_PEPPER is BIENVENUE_SECRET once more/)
})

test('breached passwords are looked up nowhere unless it is asked for', () => {
  assert.equal(parseConfig({}).password.hibp, null)
  assert.equal(parseConfig({ BIENVENUE_PASSWORD_HIBP: 'off' }).password.hibp, null)
  assert.equal(parseConfig({ BIENVENUE_PASSWORD_HIBP: 'on' }).password.hibp, 'https://api.pwnedpasswords.com')
  assert.equal(parseConfig({ BIENVENUE_PASSWORD_HIBP: 'http://127.0.0.1:8080' }).password.hibp, 'http://127.0.0.1:8080')
})

test('no message repeats a secret, nor a password in an address', () => {
  const word = 'Hunter2Hunter2'
  const environments: Environment[] = [
    { BIENVENUE_SECRET: word },
    { BIENVENUE_SECRET: `v1:${word}` },
    { BIENVENUE_SECRET: `v1:${word.repeat(4)},${word}` },
    { BIENVENUE_SECRET: `v1:${word.repeat(4)},v1:${word.repeat(4)}` },
    { BIENVENUE_SECRET_FILE: '/secret' },
    { BIENVENUE_PASSWORD_PEPPER: word },
    { BIENVENUE_SECRET: word.repeat(4), BIENVENUE_PASSWORD_PEPPER: word.repeat(4) },
    { BIENVENUE_SECRET_FILE: '/secret', BIENVENUE_SECRET: word },
    { BIENVENUE_SECRETT: word },
    { DATABASE_URL: `postgres://user:${word}@host:port/db` },
    { DATABASE_URL: `mysql://user:${word}@host/db` },
    { BIENVENUE_PUBLIC_URL: `https://user:${word}@host` },
  ]
  for (const env of environments) {
    const problems = problemsOf(env, { readFile: () => word })
    assert.notEqual(problems.length, 0, JSON.stringify(env))
    for (const problem of problems) assert.ok(!problem.includes(word), problem)
  }
})

test('nothing of a finished configuration can be changed', () => {
  const config = parseConfig({ BIENVENUE_ALLOWED_ORIGINS: 'http://localhost:3000', BIENVENUE_TRUSTED_PROXIES: '10.0.0.0/8' })
  const assign = (target: object, key: string) => () => {
    ;(target as Record<string, unknown>)[key] = 'changed'
  }
  assert.throws(assign(config, 'posture'), TypeError)
  assert.throws(assign(config.publicUrl, 'origin'), TypeError)
  assert.throws(assign(config.listen.hosts, '0'), TypeError)
  assert.throws(assign(config.password.argon2, 'passes'), TypeError)
  assert.throws(assign(config.trustedProxies, '1'), TypeError)
  assert.throws(assign(config.secrets, 'root'), TypeError)
})

test('the library refuses to start without a public URL, unless its data is in memory or classic is written out', async () => {
  await assert.rejects(createAuth({}), /publicUrl is needed.*posture: 'classic'/)
  await assert.rejects(createAuth({ databaseUrl: 'file:auth.db' }), /publicUrl is needed/)
  assert.deepEqual(problemsOf({ BIENVENUE_POSTURE: 'classic' }, { library: true }), [])
  await using auth = closing(await createAuth({ databaseUrl: 'file::memory:' }))
  assert.equal(await auth.validLogin('bob@bob.com', 'mySuperPwd'), false)
})

test('the library names its options in its own words, and refuses those it does not know', async () => {
  const options = { databaseUrl: 'file::memory:', sessionIdel: '1h' } as AuthOptions
  await assert.rejects(createAuth(options), {
    code: 'configuration_invalid',
    message: /sessionIdel is not an option; did you mean sessionIdle\?/,
  })
  await assert.rejects(createAuth({ databaseUrl: 'file::memory:', sessionIdle: '1' }), /- sessionIdle is not a duration/)
  await assert.rejects(createAuth({ databaseUrl: 'file::memory:', argon2Passes: 1 }), /argon2MemoryKib 19456 with argon2Passes 1 is below/)
  await assert.rejects(createAuth({ publicUrl: 'https://app.example.com' }), /- secret is required[\s\S]*- trustedProxies is required/)
})

test('hardened does not start without a way to send mail, and says what to set', async () => {
  const refused = {
    code: 'configuration_invalid',
    message: /- smtpUrl is required: the hardened posture hands out[\s\S]*or pass a function sendMail$/,
  }
  const options = { databaseUrl: 'file::memory:', secret: TEST_SECRET, logLevel: 'silent' } as const
  await assert.rejects(createAuth({ ...options, publicUrl: 'https://app.example.com', trustedProxies: ['10.0.0.0/8'] }), refused)
  await assert.rejects(createAuth({ ...options, posture: 'hardened', trustedProxies: [] }), refused)
  const smtpUrl = 'smtps://smtp.example.com'
  await assert.rejects(createAuth({ ...options, posture: 'hardened', smtpUrl }), /- mailFrom is required with smtpUrl/)
  await using _bySmtp = closing(await createAuth({ ...options, posture: 'hardened', smtpUrl, mailFrom: 'no-reply@example.com' }))
  await using _itself = closing(await createAuth({ ...options, posture: 'hardened', sendMail: async () => {} }))
})

test('SMTP_URL takes smtp and smtps, with percent-encoded credentials, and trusts any certificate of this machine only', () => {
  const smtpOf = (SMTP_URL: string) => parseConfig({ SMTP_URL }).mail.smtp
  const remote = { host: 'smtp.example.com', implicitTls: false, loopback: false, user: null, password: null }
  assert.deepEqual(smtpOf('smtp://smtp.example.com'), { ...remote, port: 587 })
  assert.deepEqual(smtpOf('smtps://smtp.example.com/'), { ...remote, port: 465, implicitTls: true })
  assert.deepEqual(smtpOf('smtps://a%40b.com:p%2Fw%3A@smtp.example.com:2525'), {
    ...{ ...remote, port: 2525, implicitTls: true },
    ...{ user: 'a@b.com', password: 'p/w:' },
  })
  for (const [host, bare] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
  ] as const)
    assert.deepEqual(smtpOf(`smtp://${host}:1025`), { ...remote, host: bare, port: 1025, loopback: true })
  assert.equal(
    parseConfig({ SMTP_URL_FILE: 'smtp' }, { readFile: () => 'smtp://from-file.example.com\n' }).mail.smtp?.host,
    'from-file.example.com',
  )
  for (const bad of [
    'smtp.example.com',
    'http://smtp.example.com',
    'smtp://',
    'smtp://u:canary@h/x',
    'smtp://u:canary%@h',
    'smtp://u:canary@h?a=b',
  ]) {
    const problem = problemOf({ SMTP_URL: bad })
    assert.match(problem, /^SMTP_URL /)
    assert.doesNotMatch(problem, /canary/, 'it may hold a password')
  }
})

test('BIENVENUE_MAIL_FROM is an address, with a name or without', () => {
  const fromOf = (BIENVENUE_MAIL_FROM: string) => parseConfig({ BIENVENUE_MAIL_FROM }).mail.from
  assert.deepEqual(fromOf('no-reply@example.com'), { name: null, address: 'no-reply@example.com' })
  assert.deepEqual(fromOf(' Example, Ltd <no-reply@b\u00fccher.example> '), {
    name: 'Example, Ltd',
    address: 'no-reply@xn--bcher-kva.example',
  })
  for (const bad of [
    'example.com',
    'a@b.com, c@d.com',
    '"x" <a@b.com>',
    'A\r\nBcc: e@evil.com <a@b.com>',
    'A <a@b.com> <c@d.com>',
    `${'x'.repeat(65)} <a@b.com>`,
  ])
    assert.match(problemOf({ BIENVENUE_MAIL_FROM: bad }), /^BIENVENUE_MAIL_FROM /, bad)
})

function closing<T extends { close(): Promise<void> }>(owned: T): T & AsyncDisposable {
  return Object.assign(owned, { [Symbol.asyncDispose]: () => owned.close() })
}

test('where a second factor is required of everyone, sessions end after an hour unused and a day in all', () => {
  assert.deepEqual(parseConfig({ BIENVENUE_SECOND_FACTOR: 'required' }).session, { idleSeconds: 3_600, absoluteSeconds: 86_400 })
  assert.deepEqual(parseConfig({ BIENVENUE_SECOND_FACTOR: 'required', BIENVENUE_SESSION_ABSOLUTE: '30m' }).session, {
    idleSeconds: 1_800,
    absoluteSeconds: 1_800,
  })
})

test('a logo is a picture by its content, of at most 64 KiB', async () => {
  await using folder = await temporaryDirectory()
  const logoOf = (name: string, content: string | Uint8Array) => {
    const path = folder.file(name)
    writeFileSync(path, content)
    return { path, parse: () => parseConfig({ BIENVENUE_LOGO: path }).appearance.logo }
  }
  const svg = logoOf('logo.png', '<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg"/>')
  assert.equal(svg.parse()?.contentType, 'image/svg+xml')
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(64 * 1024 - 8)])
  assert.equal(logoOf('logo', png).parse()?.contentType, 'image/png')
  assert.equal(logoOf('logo.svg', 'RIFF????WEBPVP8 ').parse()?.contentType, 'image/webp')
  for (const content of [Buffer.concat([png, Buffer.alloc(1)]), '<html><svg></svg></html>', 'GIF89a', ''])
    assert.match(problemOf({ BIENVENUE_LOGO: logoOf('bad.svg', content).path }), /^BIENVENUE_LOGO is /)
})
