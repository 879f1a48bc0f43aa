import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { VERSION } from '../src/version.ts'

interface Import {
  readonly from: string
  /** A path below src, or a package's name. */
  readonly to: string
  readonly typeOnly: boolean
}

const ROOT = join(import.meta.dirname, '..')
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => ({ path, text: readFileSync(join(ROOT, 'src', path), 'utf8') }))
const imports: Import[] = sources.flatMap(({ path, text }) => importsOf(path, text))

function importsOf(path: string, text: string): Import[] {
  const statements = text.matchAll(/^(?:import|export) (type )?([^'"]*? from )?'([^']+)'|\bimport\('([^']+)'\)/gm)
  return [...statements].map(([, type, names = '', from, lazy]) => {
    const target = from ?? lazy ?? ''
    const typeOnly = type !== undefined || /^\{(\s*type \w+( as \w+)?,?)+\s*\} from $/.test(names)
    return { from: path, to: target.startsWith('.') ? normalize(join(dirname(path), target)) : target, typeOnly }
  })
}

/** Imports that a rule forbids, as `a.ts -> b.ts`. */
function breaches(breaks: (one: Import) => boolean): string[] {
  return imports.filter(breaks).map(({ from, to }) => `${from} -> ${to}`)
}

const folderOf = (path: string) => (path.includes('/') ? (path.split('/')[0] ?? '') : '')
const isOurs = ({ to }: Import) => to.endsWith('.ts')
const isPackage = (one: Import, name: string) => one.to === name || one.to.startsWith(`${name}/`)

test('the test itself sees the imports that there are', () => {
  assert.ok(sources.length > 50)
  assert.ok(imports.some(({ from, to, typeOnly }) => from === 'app.ts' && to === 'http/answer.ts' && !typeOnly))
  assert.ok(imports.some(({ from, to, typeOnly }) => from === 'app.ts' && to === 'deps.ts' && typeOnly))
})

test('errors.ts imports nothing, and crypto/ nothing of ours but itself', () => {
  assert.deepEqual(
    breaches((one) => one.from === 'errors.ts' || (folderOf(one.from) === 'crypto' && isOurs(one) && folderOf(one.to) !== 'crypto')),
    [],
  )
})

test('http/ knows no feature: it imports errors, config, json-keys, log, latency-histogram, loopback, origin and itself', () => {
  const allowed = ['errors.ts', 'config.ts', 'json-keys.ts', 'log.ts', 'latency-histogram.ts', 'loopback.ts', 'origin.ts']
  assert.deepEqual(
    breaches((one) => folderOf(one.from) === 'http' && isOurs(one) && folderOf(one.to) !== 'http' && !allowed.includes(one.to)),
    [],
  )
})

test('SQL is written in db/ and in stores, and nowhere else', () => {
  assert.deepEqual(
    breaches(
      (one) => (isPackage(one, 'kysely') || one.to === 'node:sqlite') && folderOf(one.from) !== 'db' && !one.from.endsWith('-store.ts'),
    ),
    // The import command reads somebody else's database file, which no store of ours is for.
    ['import/classic-source.ts -> node:sqlite'],
  )
})

test('Hono writes our pages and mails, and nothing else', () => {
  assert.deepEqual(
    breaches(
      (one) =>
        (isPackage(one, 'hono') || isPackage(one, '@hono')) &&
        one.from !== 'http/page.ts' &&
        !one.from.endsWith('-page.ts') &&
        !one.from.startsWith('mail/messages/'),
    ),
    [],
  )
})

test('rules and stores know nothing of routes, pages and HTTP', () => {
  const isInner = (path: string) =>
    /^(audit|throttles|mail|users|sessions|factors|step-up|passwords|totp|recovery-codes|passkeys|reauthentication|mail-request|registration|login-codes|login|password-reset|step-up|address-change|account|import)\//.test(
      path,
    )
  const mayKnowHttp = /-(routes|page|view|json)\.ts$|\/(require-[\w-]+|(session|device)-cookie)\.ts$/
  assert.deepEqual(
    breaches(
      (one) => isInner(one.from) && !mayKnowHttp.test(one.from) && (folderOf(one.to) === 'http' || /-(routes|page)\.ts$/.test(one.to)),
    ),
    [],
  )
})

/** From left to right; a feature imports those on its left, and itself. */
const ORDER = [
  ['audit'],
  ['throttles', 'mail'],
  ['users'],
  ['sessions'],
  ['factors'],
  ['step-up'],
  ['recovery-codes'],
  ['passwords', 'totp', 'passkeys'],
  ['reauthentication'],
  ['mail-request'],
  ['registration', 'login-codes', 'password-reset'],
  ['login', 'address-change'],
  ['account', 'import'],
  ['pages'],
  ['metrics'],
  ['service'],
]

test('features import leftwards only', () => {
  const rank = (path: string) => ORDER.findIndex((group) => group.includes(folderOf(path)))
  assert.deepEqual(
    breaches(
      (one) => rank(one.from) >= 0 && rank(one.to) >= 0 && folderOf(one.from) !== folderOf(one.to) && rank(one.to) >= rank(one.from),
    ),
    [],
  )
})

test("a feature takes another's rules, not its store, routes or page", () => {
  assert.deepEqual(
    breaches((one) => {
      const [from, to] = [folderOf(one.from), folderOf(one.to)]
      return from !== '' && to !== '' && from !== to && ORDER.flat().includes(from) && /-(store|routes|page)\.ts$/.test(one.to)
    }),
    // One look-up finds a session and its user; the user's columns and how to read them are written down once, in the user's store.
    ['sessions/session-lookup-store.ts -> users/user-store.ts'],
  )
})

test('no file imports itself around corners, types aside', () => {
  const next = (path: string) => imports.filter((one) => one.from === path && !one.typeOnly && isOurs(one)).map(({ to }) => to)
  const cycles: string[] = []
  const done = new Set<string>()
  function visit(path: string, trail: readonly string[]): void {
    if (trail.includes(path)) return void cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    if (done.has(path)) return
    for (const to of next(path)) visit(to, [...trail, path])
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
  assert.deepEqual(cycles, [])
})

/** Files, one of them allowed, in which the code says this. Comments may speak of it. */
function saying(pattern: RegExp, allowed: readonly string[] = []): string[] {
  const isCode = (line: string) => !/^\s*(\/\/|\/?\*)/.test(line)
  return sources
    .filter(({ path, text }) => !allowed.includes(path) && text.split('\n').some((line) => isCode(line) && pattern.test(line)))
    .map(({ path }) => path)
    .sort()
}

test('the environment is read in one place, and so is the time', () => {
  assert.deepEqual(saying(/\bprocess\.env\b/, ['main.ts']), [])
  assert.deepEqual(saying(/\bDate\.now\(|\bnew Date\(\)|\bDate\(\)/, ['clock.ts']), [])
})

test('one function begins every session: the end of a login, and nothing else writes one (CHECKLIST R139)', () => {
  assert.deepEqual(saying(/\bissueSession\b/), ['login/complete-login.ts', 'sessions/session.ts'])
  assert.deepEqual(saying(/\binsertSession\b/), ['sessions/session-store.ts', 'sessions/session.ts'])
  assert.deepEqual(saying(/insertInto\('sessions'\)|\binsert into (bienvenue\.)?sessions\b/i), ['sessions/session-store.ts'])
  // What is imported whole could be called by any name; the texts of pages are nothing that could.
  assert.deepEqual(saying(/\bimport \* as\b/, ['pages/texts/texts.ts']), [])
})

test('secrets and digests are compared in constant time: no === between values of such names (CHECKLIST R026)', () => {
  // What is compared with a word, a number or nothing is no secret.
  const secret = String.raw`\b[\w.]*(?:[tT]oken|[hH]ash|[dD]igest|[mM]ac|[sS]ignature|[cC]ode|otp)`
  const plain = String.raw`(?:null|undefined|'|\d|[A-Z_]{4,}\b)`
  assert.deepEqual(saying(new RegExp(`(?<!typeof )${secret} [!=]== (?!${plain})`)), [])
  assert.deepEqual(saying(new RegExp(String.raw`(?<!null|undefined|'|\d) [!=]== ${secret}\b`)), [])
  assert.deepEqual(saying(/\btimingSafeEqual\(/, ['crypto/same-bytes.ts']), [])
})

test('MD5 and SHA-1 are nowhere but in old hashes, in the range of a breach service and in one-time codes, whose standard says so; randomness has one source (CHECKLIST R237)', () => {
  assert.deepEqual(saying(/\bmd5\b|\bsha1\b/i, ['crypto/legacy-hash.ts', 'passwords/breached-passwords.ts', 'totp/totp-code.ts']), [])
  // When a lost transaction is tried again is no secret.
  assert.deepEqual(saying(/\bMath\.random\(/, ['db/postgres.ts']), [])
  assert.deepEqual(saying(/createCipheriv\('(?!aes-256-gcm')|createHmac\('(?!sha256')|createHash\('(?!sha256'|sha1')/), [])
})

test('files are short, and nothing in them is left for later', () => {
  assert.deepEqual(
    // The tables are one list, and read as one.
    sources.filter(({ path, text }) => path !== 'db/tables.ts' && text.split('\n').length > 301).map(({ path }) => path),
    [],
  )
  assert.deepEqual(
    sources.filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text)).map(({ path }) => path),
    [],
  )
})

test('there is one version', () => {
  assert.equal(VERSION, JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version)
})
