import { TOTP } from 'otpauth'
import { sessionOf, type TestApp, type TestResponse } from './test-app.ts'
import { type Authenticator, makeAuthenticator } from './virtual-authenticator.ts'

/** What an authenticator app shows at the service's time; `steps` of 30 seconds later. */
export function totpCode(app: Pick<TestApp, 'clock'>, secret: string, steps = 0): string {
  return new TOTP({ secret }).generate({ timestamp: app.clock.now() + steps * 30_000 })
}

export interface EnrolledTotp {
  readonly secret: string
  readonly recoveryCodes: readonly string[]
  /** The session went on under a new token. */
  readonly session: string
}

/** Add an authenticator app to the account of this session. The clock moves on, so that the next code is another one. */
export async function enrolTotp(app: TestApp, session: string): Promise<EnrolledTotp> {
  const begun = await app.request('POST', '/totp', { session })
  if (begun.status !== 200) throw new Error(`POST /totp answered ${begun.status} ${begun.text}`)
  const { secret } = begun.json
  const answer = await app.request('PUT', '/totp', { session, json: { code: totpCode(app, secret) } })
  if (answer.status !== 200) throw new Error(`PUT /totp answered ${answer.status} ${answer.text}`)
  app.clock.advance(30)
  return { secret, recoveryCodes: answer.json.recovery_codes, session: requireSession(answer) }
}

export interface AddedPasskey {
  readonly authenticator: Authenticator
  readonly id: string
  readonly recoveryCodes: readonly string[]
  readonly session: string
}

/** The origin and name that passkeys of this service are bound to. */
export function authenticatorOf(app: TestApp): Authenticator {
  const { origin, hostname } = app.config.publicUrl
  return makeAuthenticator({ origin, rpId: hostname })
}

/** Add a passkey to the account of this session. */
export async function addPasskey(
  app: TestApp,
  session: string,
  { authenticator = authenticatorOf(app), name = 'Laptop' }: { readonly authenticator?: Authenticator; readonly name?: string } = {},
): Promise<AddedPasskey> {
  const options = await app.request('POST', '/passkeys/options', { session })
  if (options.status !== 200) throw new Error(`POST /passkeys/options answered ${options.status} ${options.text}`)
  const passkey = await authenticator.create(options.json)
  const answer = await app.request('POST', '/passkeys', { session, json: { passkey, name } })
  if (answer.status !== 200) throw new Error(`POST /passkeys answered ${answer.status} ${answer.text}`)
  return { authenticator, id: answer.json.id, recoveryCodes: answer.json.recovery_codes ?? [], session: requireSession(answer) }
}

/** The first factor, of an account that has a second one. @returns the ticket */
export async function ticketOf(app: TestApp, email: string, password: string): Promise<string> {
  const answer = await app.request('POST', '/sessions', { json: { email, password } })
  if (answer.json?.error !== 'second_factor_required') throw new Error(`POST /sessions answered ${answer.status} ${answer.text}`)
  return answer.json.ticket
}

/** A passkey for a login: with a ticket as second factor, without one by itself. */
export async function assertionFor(app: TestApp, authenticator: Authenticator, ticket?: string) {
  const options = await app.request('POST', '/sessions/passkey_options', { json: ticket === undefined ? {} : { ticket } })
  if (options.status !== 200) throw new Error(`POST /sessions/passkey_options answered ${options.status} ${options.text}`)
  return authenticator.get(options.json)
}

function requireSession(answer: TestResponse): string {
  const session = sessionOf(answer)
  if (session === null) throw new Error(`no session was set by ${answer.text}`)
  return session
}
