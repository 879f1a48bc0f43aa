import { APPLICATION } from '../../src/audit/audit-event.ts'
import type { Environment } from '../../src/config.ts'
import { addPasskey, passkeyCreationOptions } from '../../src/passkeys/register-passkey.ts'
import { beginTotp, confirmTotp } from '../../src/totp/totp.ts'
import { createUser, requireEmailAddress, type User } from '../../src/users/user.ts'
import { authenticatorOf, totpCode } from '../second-factors.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../test-app.ts'
import type { Authenticator } from '../virtual-authenticator.ts'

/** What one login can prove; the model's own words, which are RFC 8176's where it has one. */
export type Proof = 'pwd' | 'email' | 'otp' | 'recovery_code' | 'pop'

/** What the model knows of a user: everything that the service should know, and the secrets beside it. */
export interface Person {
  readonly user: User
  password: string | null
  totp: { secret: string; lastStep: number; lastCode: string } | null
  /** Passkeys by their credential's id; the service's own id beside it. */
  readonly passkeys: Map<string, string>
  readonly authenticator: Authenticator
  recoveryCodes: Set<string>
  spentRecoveryCode: string
  mailed: { readonly code: string; readonly token: string; readonly endsAt: number } | null
}

export interface Ticket {
  readonly token: string
  readonly person: Person
  readonly proved: ReadonlySet<Proof>
  readonly endsAt: number
  ended: boolean
}

/** One login that is complete, under the tokens that it has had; the last one is its present one. */
export interface Login {
  readonly person: Person
  readonly tokens: string[]
  proved: ReadonlySet<Proof>
  readonly beganAt: number
  provedAt: number
  secondAt: number | null
  seenAt: number
  ended: boolean
}

export interface Browser {
  session: string
  device: string
}

/** A secret of an authenticator app that waits for its first code. */
export interface Enrolment {
  readonly boundTo: Login | Ticket
  readonly person: Person
  readonly secret: string
  readonly endsAt: number
  ended: boolean
}

export interface Circumstances {
  readonly factors: 'none' | 'totp' | 'passkey' | 'both'
  readonly hasPassword: boolean
  readonly policy: 'optional' | 'required'
  readonly posture: 'classic' | 'hardened'
}

export interface World {
  readonly app: TestApp
  readonly policy: Circumstances['policy']
  readonly people: readonly Person[]
  readonly browsers: readonly Browser[]
  readonly logins: Login[]
  readonly tickets: Ticket[]
  readonly enrolments: Enrolment[]
  readonly readMails: Set<string>
  passwordsMade: number
}

export const HER_PASSWORD = 'correct horse battery staple'
const EVES_PASSWORD = 'staple battery horse correct'

/** Hashes are the same for all worlds, so they are made once. */
const made = new Map<string, Promise<unknown>>()
function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  if (!made.has(key)) made.set(key, make())
  // What was put there under this key was made by this very function.
  return made.get(key) as Promise<T>
}

export async function startWorld({ posture, policy, factors, hasPassword }: Circumstances): Promise<World> {
  const settings: Environment = { BIENVENUE_SECOND_FACTOR: policy, BIENVENUE_LOG_LEVEL: 'error' }
  const app = await startTestApp({ env: posture === 'hardened' ? hardenedEnv(settings) : settings })
  const has = { totp: factors === 'totp' || factors === 'both', passkey: factors === 'passkey' || factors === 'both' }
  const people = [
    await addPerson(app, { email: 'ann@example.com', password: hasPassword ? HER_PASSWORD : null, ...has }),
    await addPerson(app, { email: 'eve@example.com', password: EVES_PASSWORD, totp: true, passkey: true }),
  ]
  const browsers = Array.from({ length: 3 }, () => ({ session: '', device: '' }))
  return { app, policy, people, browsers, logins: [], tickets: [], enrolments: [], readMails: new Set(), passwordsMade: 0 }
}

async function addPerson(
  app: TestApp,
  wanted: { readonly email: string; readonly password: string | null; readonly totp: boolean; readonly passkey: boolean },
): Promise<Person> {
  const { deps } = app.auth
  const { password } = wanted
  const passwordHash = password === null ? null : await once(password, () => app.auth.hashPassword(password))
  const user = await createUser(deps, { email: requireEmailAddress(wanted.email), passwordHash }, APPLICATION)
  await deps.database.inTransaction((tx) =>
    tx.updateTable('users').set({ email_verified_at: app.clock.now() }).where('id', '=', user.id).execute(),
  )
  const person: Person = {
    user,
    password,
    totp: null,
    passkeys: new Map(),
    authenticator: authenticatorOf(app),
    recoveryCodes: new Set(),
    spentRecoveryCode: '0000-0000-0000-0000',
    mailed: null,
  }
  const right = {
    user,
    boundTo: 'beginning',
    sessionId: null,
    by: APPLICATION,
    claim: async () => ({ kind: 'ticket' as const, amr: [] }),
  }
  if (wanted.totp) {
    const { secret } = await beginTotp(deps, right)
    const code = totpCode(app, secret)
    const { recoveryCodes } = await confirmTotp(deps, right, { code, isKnownDevice: false })
    person.recoveryCodes = new Set(recoveryCodes)
    person.totp = { secret, lastStep: stepAt(app.clock.now()), lastCode: code }
    app.clock.advance(30)
  }
  if (wanted.passkey) {
    const response = await person.authenticator.create({ ...(await passkeyCreationOptions(deps, right)), excludeCredentials: [] })
    const { id, recoveryCodes } = await addPasskey(deps, right, { response, name: 'first' })
    person.passkeys.set(response.id, id)
    if (recoveryCodes) person.recoveryCodes = new Set(recoveryCodes)
  }
  return person
}

export function stepAt(now: number): number {
  return Math.floor(now / 30_000)
}

export interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers have many forms, and the model looks into all of them
  readonly json: any
  /** The session that it sets; '' where it ends one. */
  readonly session: string | null
}

let clients = 0

/** A request from a client that nobody has seen: what is counted by address refuses nothing. */
export async function ask(
  { app }: Pick<World, 'app'>,
  method: string,
  path: string,
  { json, browser, session }: { readonly json?: unknown; readonly browser?: Browser; readonly session?: string } = {},
): Promise<Reply> {
  clients++
  const clientAddress =
    app.config.posture === 'classic' ? '127.0.0.1' : `10.${(clients >> 16) & 255}.${(clients >> 8) & 255}.${clients & 255}`
  const cookie = `session_id=${session ?? browser?.session ?? ''}; device_id=${browser?.device ?? ''}`
  const headers = { cookie, ...(json !== undefined && { 'content-type': 'application/json' }) }
  const request = new Request(new URL(path, app.config.publicUrl.origin), {
    method,
    headers: { ...headers, host: new URL(app.config.publicUrl.origin).host },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  const answer = await app.auth.fetch(request, { clientAddress })
  const lines = answer.headers.getSetCookie()
  const setTo = (name: string) => lines.map((line) => new RegExp(`^${name}=([^;]*)`).exec(line)?.[1]).find((value) => value !== undefined)
  const set = setTo('session_id') ?? null
  if (browser) {
    browser.session = set ?? browser.session
    browser.device = setTo('device_id') ?? browser.device
  }
  const text = await answer.text()
  return { status: answer.status, json: text.startsWith('{') ? JSON.parse(text) : {}, session: set }
}
