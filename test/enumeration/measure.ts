// What somebody who wants to know whether an address has an account sees: the bytes of the answers, and their times.
import { randomBytes, randomUUID } from 'node:crypto'
import { hardenedEnv, startTestApp, type TestApp, type TestResponse } from '../test-app.ts'
import { median, rankTest } from './rank-test.ts'

/** What an address may be. `unknown` is what the others are compared with. */
export const CLASSES = ['unknown', 'known', 'second factor', 'unverified', 'disabled', 'passwordless'] as const
type Class = (typeof CLASSES)[number]

interface Case {
  readonly route: string
  /** True where the answer takes a hash, whose time the difference is compared with. */
  readonly hashes: boolean
  readonly classes: readonly Class[]
  readonly ask: (app: TestApp, address: string, from: Asker) => Promise<TestResponse>
}

/** Each question comes from an address of its own: else the throttles would answer. */
interface Asker {
  readonly headers: Record<string, string>
  readonly session: string
}

const WRONG = 'a wrong password, long enough'
const OWN = 'correct horse battery staple'

const CASES: readonly Case[] = [
  {
    route: 'POST /sessions, a password',
    hashes: true,
    classes: CLASSES,
    ask: (app, email, { headers }) => app.request('POST', '/sessions', { headers, form: { email, password: WRONG } }),
  },
  {
    route: 'POST /sessions, a code',
    hashes: false,
    classes: CLASSES,
    ask: (app, email, { headers }) => app.request('POST', '/sessions', { headers, form: { email, code: 'AAAA-AAAA' } }),
  },
  {
    route: 'POST /users',
    hashes: true,
    classes: CLASSES,
    ask: (app, email, { headers }) => app.request('POST', '/users', { headers, form: { email, password: OWN } }),
  },
  {
    route: 'POST /reset_password',
    hashes: false,
    classes: CLASSES,
    ask: (app, email, { headers }) => app.request('POST', '/reset_password', { headers, form: { email } }),
  },
  {
    route: 'POST /email_verification',
    hashes: false,
    classes: CLASSES,
    ask: (app, email, { headers }) => app.request('POST', '/email_verification', { headers, form: { email } }),
  },
  {
    route: 'POST /login_codes',
    hashes: false,
    classes: CLASSES,
    ask: (app, email, { headers }) => app.request('POST', '/login_codes', { headers, form: { email } }),
  },
  {
    route: 'POST /account/email',
    hashes: false,
    classes: ['unknown', 'known', 'unverified', 'disabled'],
    ask: (app, email, { headers, session }) => app.request('POST', '/account/email', { headers, session, form: { email } }),
  },
]

export interface Comparison {
  readonly route: string
  readonly class: Class
  readonly sameBytes: boolean
  /** What differs, where something does. */
  readonly difference: string | null
  readonly medianMilliseconds: number
  /** Of the unknown address's. */
  readonly medianDifference: number
  readonly probability: number
  /** CHECKLIST R029: the medians less than 5 % of a hash apart, and a rank test that does not tell them apart at 1 %. */
  readonly passes: boolean
}

export interface EnumerationReport {
  readonly samples: number
  readonly hashMilliseconds: number
  readonly comparisons: readonly Comparison[]
}

/** Ask each route about each class of address, `samples` times each, in turn: what slows one class down for a while slows all. */
export async function measureEnumeration(samples: number, progress: (done: string) => void = () => {}): Promise<EnumerationReport> {
  await using app = await startTestApp({
    env: hardenedEnv({
      BIENVENUE_PUBLIC_URL: 'http://127.0.0.1:5000',
      BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8',
      BIENVENUE_LOG_LEVEL: 'silent',
    }),
  })
  const hashMilliseconds = await timeOfHash(app)
  const askers = await makeAskers(app)
  const comparisons: Comparison[] = []
  for (const [at, one] of CASES.entries()) {
    progress(`${one.route} (${at + 1} of ${CASES.length})`)
    const addresses = await makeAddresses(app, one.classes, samples + 1)
    const { times, answers } = await askAll(app, one, addresses, askers)
    const unknown = times.get('unknown') ?? []
    for (const name of one.classes) {
      const own = times.get(name) ?? []
      const medianDifference = median(own) - median(unknown)
      const probability = name === 'unknown' ? 1 : rankTest(own, unknown)
      const difference = differenceOf(answers.get('unknown'), answers.get(name))
      comparisons.push({
        route: one.route,
        class: name,
        sameBytes: difference === null,
        difference,
        medianMilliseconds: median(own),
        medianDifference,
        probability,
        passes: Math.abs(medianDifference) < 0.05 * hashMilliseconds && probability > 0.01,
      })
    }
  }
  return { samples, hashMilliseconds, comparisons }
}

async function askAll(app: TestApp, one: Case, addresses: ReadonlyMap<Class, string[]>, askers: () => Asker) {
  const times = new Map<Class, number[]>(one.classes.map((name) => [name, []]))
  const answers = new Map<Class, string>()
  const rounds = addresses.get('unknown')?.length ?? 0
  for (let round = 0; round < rounds; round++) {
    for (const name of turned(one.classes, round)) {
      const address = addresses.get(name)?.[round] ?? ''
      const asker = askers()
      const startedAt = performance.now()
      const answer = await one.ask(app, address, asker)
      const milliseconds = performance.now() - startedAt
      // The first round warms up, and shows what is answered.
      if (round === 0) answers.set(name, visible(answer, address))
      else times.get(name)?.push(milliseconds)
    }
    // What follows outside of the requests would fall into the next ones' time by chance.
    await app.auth.mailer.runDue()
  }
  return { times, answers }
}

/** Each class is asked first, second, … equally often. */
function turned<T>(list: readonly T[], by: number): T[] {
  return list.map((_, at) => list[(at + by) % list.length] as T)
}

/** Status, headers and body, with what was sent itself replaced. */
function visible({ status, headers, text, json }: TestResponse, address: string): string {
  const kept = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  return JSON.stringify([status, kept, text.replaceAll(address, 'ADDRESS').replaceAll(json?.request_id ?? '-', 'ID')])
}

function differenceOf(one: string | undefined, other: string | undefined): string | null {
  return one === other ? null : `${one} against ${other}`
}

async function timeOfHash(app: TestApp): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < 20; count++) {
    const startedAt = performance.now()
    await app.auth.hashPassword(OWN)
    times.push(performance.now() - startedAt)
  }
  return median(times)
}

/** Addresses of one length, so that the bodies have one length too. */
async function makeAddresses(app: TestApp, classes: readonly Class[], count: number): Promise<ReadonlyMap<Class, string[]>> {
  const hash = await app.auth.hashPassword(OWN)
  const made = new Map<Class, string[]>()
  for (const name of classes) {
    const addresses = Array.from({ length: count }, () => `${randomBytes(8).toString('hex')}@example.com`)
    made.set(name, addresses)
    if (name === 'unknown') continue
    const now = app.clock.now()
    const rows = addresses.map((email) => ({
      id: randomUUID(),
      external_id: null,
      email,
      email_canonical: email,
      email_verified_at: name === 'unverified' ? null : now,
      password_hash: name === 'passwordless' ? null : hash,
      password_changed_at: now,
      name: null,
      metadata: null,
      disabled_at: name === 'disabled' ? now : null,
      created_at: now,
      updated_at: now,
    }))
    // What is in it is never read: a wrong password ends before.
    const apps = rows.map(({ id }) => ({ user_id: id, secret: 'x', key_version: 'v1', last_step: 0, created_at: now }))
    await app.auth.deps.database.inTransaction(async (tx) => {
      await tx.insertInto('users').values(rows).execute()
      if (name === 'second factor') await tx.insertInto('totp_secrets').values(apps).execute()
    })
  }
  return made
}

/** A client of its own for each question, and a user who asks for another address. */
async function makeAskers(app: TestApp): Promise<() => Asker> {
  let last = 0
  const email = 'asker@example.com'
  const { id } = await app.auth.addUser(email, await app.auth.hashPassword(OWN))
  await app.auth.deps.database.inTransaction((tx) =>
    tx.updateTable('users').set({ email_verified_at: app.clock.now() }).where('id', '=', id).execute(),
  )
  const session = await app.logIn(email, OWN)
  return () => {
    last++
    return { session, headers: { 'x-forwarded-for': `10.${(last >> 16) & 255}.${(last >> 8) & 255}.${last & 255}` } }
  }
}
