import assert from 'node:assert/strict'
import type { AssertionForge, CreationForge } from './forge.ts'
import { assertRefused } from './refusals.ts'
import { type AddedPasskey, addPasskey, authenticatorOf } from './second-factors.ts'
import type { TestApp, TestResponse } from './test-app.ts'
import { type Authenticator, makeAuthenticator } from './virtual-authenticator.ts'

export const PASSWORD = 'correct horse battery staple'
/** What the log says of a challenge that is no good, whyever. */
export const STALE = 'challenge is unknown, used or expired'

/** A security key: it counts, and its passkeys stay on it. */
export function securityKeyOf(app: TestApp): Authenticator {
  const { origin, hostname } = app.config.publicUrl
  return makeAuthenticator({ origin, rpId: hostname, isHardware: true })
}

export async function logInAs(app: TestApp, email: string): Promise<string> {
  await app.addVerified(email, PASSWORD)
  return app.logIn(email, PASSWORD)
}

/** A new user with a passkey. */
export async function withPasskey(app: TestApp, email = 'ann@example.com', authenticator = authenticatorOf(app)): Promise<AddedPasskey> {
  return addPasskey(app, await logInAs(app, email), { authenticator })
}

export async function creationOptionsOf(app: TestApp, session: string) {
  const answer = await app.request('POST', '/passkeys/options', { session })
  assert.equal(answer.status, 200, answer.text)
  return answer.json
}

export async function requestOptionsOf(app: TestApp) {
  return (await app.request('POST', '/sessions/passkey_options', { json: {} })).json
}

/** Try to add a passkey in which something is forged. */
export async function tryToAdd(
  app: TestApp,
  session: string,
  forge: CreationForge = {},
  authenticator = authenticatorOf(app),
): Promise<TestResponse> {
  const passkey = await authenticator.create(await creationOptionsOf(app, session), forge)
  return app.request('POST', '/passkeys', { session, json: { passkey, name: 'Phone' } })
}

/** Try to log in with a passkey in which something is forged. */
export async function tryToLogIn(app: TestApp, authenticator: Authenticator, forge: AssertionForge = {}): Promise<TestResponse> {
  const passkey = await authenticator.get(await requestOptionsOf(app), forge)
  return app.request('POST', '/sessions', { json: { passkey } })
}

/** The one refusal of passkeys that are added. The log alone has the true reason. */
export function assertNotAdded(app: TestApp, answer: TestResponse, reason: string, what = reason): void {
  assert.equal(answer.status, 403, `${what}: ${answer.text}`)
  assertRefused(answer, 403, 'passkey_refused')
  assert.equal(reasonOf(app, answer), reason, what)
}

/** The one refusal of logins. */
export function assertNotLoggedIn(app: TestApp, answer: TestResponse, reason: string, what = reason): void {
  assert.equal(answer.status, 401, `${what}: ${answer.text}`)
  assertRefused(answer, 401, 'login_refused')
  assert.equal(reasonOf(app, answer), reason, what)
}

export function reasonOf(app: TestApp, { headers }: TestResponse): unknown {
  const id = headers.get('x-request-id')
  return app.logLines.find(({ request_id, error }) => request_id === id && error !== undefined)?.reason
}

/** Everything that a ceremony may change. Not the log, which tells of refusals too, and not the challenges that were used up. */
export async function storedIn({ auth }: TestApp) {
  const { reads } = auth.deps.database
  return {
    passkeys: await reads.selectFrom('passkeys').selectAll().orderBy('id').execute(),
    handles: await reads.selectFrom('passkey_handles').selectAll().orderBy('user_id').execute(),
    sessions: await reads.selectFrom('sessions').selectAll().orderBy('id').execute(),
    tickets: await reads.selectFrom('login_tickets').selectAll().orderBy('token_hash').execute(),
    codes: await reads.selectFrom('recovery_codes').selectAll().orderBy('code_hash').execute(),
    mails: await reads.selectFrom('mails').select('id').orderBy('id').execute(),
  }
}

export async function eventsNamed({ auth }: TestApp, name: string) {
  await auth.settled()
  return auth.deps.database.reads.selectFrom('audit_events').selectAll().where('name', '=', name).orderBy('id').execute()
}
