import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ErrorCode } from '../../src/errors.ts'
import { PUBLIC_ERRORS } from '../../src/http/error-response.ts'
import { startTestApp, type TestApp } from '../test-app.ts'
import { type MadeUpRequest, madeUpRequest, RESET_TOKEN, SESSION, USER } from './requests.ts'

export interface FuzzOptions {
  readonly runs: number
  /** Repeats a run; without it, a new one. */
  readonly seed?: number | undefined
  readonly onProgress?: (done: number, statuses: ReadonlyMap<number, number>) => void
}

/**
 * Ask one service so many made-up questions, one after the other, and check every answer.
 * A failure's message has the seed and the smallest request that fails.
 *
 * @returns how often each status was answered
 */
export async function fuzz({ runs, seed, onProgress }: FuzzOptions): Promise<ReadonlyMap<number, number>> {
  await using app = await startTestApp({ env: { BIENVENUE_LOG_LEVEL: 'error' } })
  await app.auth.registerUser(USER, 'mySuperPwd')
  const statuses = new Map<number, number>()
  let done = 0
  const target = await makeTarget(app)
  const property = fc.asyncProperty(madeUpRequest, async (request) => {
    const status = await target(request)
    if (status === null) return
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (++done % 1_000 === 0) onProgress?.(done, statuses)
  })
  await fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed }) })
  return statuses
}

/** Paths that answer nobody without a session. */
const GUARDED = /^\/(profile|account(\/password)?|sessions\/[^/]+)\/?$/

async function makeTarget(app: TestApp) {
  let session = ''
  let resetToken = ''
  let users = await usersOf(app)

  /** @returns the status, or `null` for what is no request at all: a URL or header that `Request` refuses */
  return async function send(made: MadeUpRequest): Promise<number | null> {
    if ((await app.auth.getUserFromSessionId(session)) === null) session = (await app.auth.createSession(USER)) ?? ''
    if (holds(made, RESET_TOKEN)) resetToken = await app.auth.getResetPasswordToken(USER)
    const request = asRequest(made, (text) => text.replaceAll(SESSION, session).replaceAll(RESET_TOKEN, resetToken))
    if (request === null) return null
    const { pathname } = new URL(request.url)

    const answer = await app.auth.fetch(request, { clientAddress: '127.0.0.1' })
    const text = await answer.text()
    const bug = app.logLines.at(-1)?.err
    assert.ok(answer.status < 500, `${answer.status} ${text} ${JSON.stringify(bug)}`)
    const id = answer.headers.get('x-request-id')
    assert.match(id ?? '', /^[0-9a-f-]{36}$/)

    const usersNow = await usersOf(app)
    if (answer.status >= 400) {
      checkRefusal(made, answer, text, id)
      assert.equal(usersNow, users, 'a refused request changed a user')
    } else if (GUARDED.test(pathname) && request.method !== 'OPTIONS') {
      assert.ok(made.headers.cookie?.includes(SESSION), `${request.method} ${pathname} answered without a session`)
    }
    users = usersNow
    return answer.status
  }
}

function checkRefusal(made: MadeUpRequest, answer: Response, text: string, id: string | null): void {
  // A form that is shown again comes with the cookie of its token.
  assert.match(answer.headers.get('set-cookie') ?? 'form_id=', /^form_id=/, 'a refusal set a cookie')
  // Refused by a guard it has a body here, which no server sends.
  if (made.method === 'HEAD') return
  if (answer.headers.get('content-type') === 'text/html; charset=utf-8') {
    checkRefusalPage(made, text)
    return
  }
  assert.equal(answer.headers.get('set-cookie'), null, 'a refusal set a cookie')
  assert.equal(answer.headers.get('content-type'), 'application/json')
  const body = JSON.parse(text)
  if (body.error === undefined) {
    assert.equal(answer.status, 400)
    assert.equal(text, '{"message":"email already registered"}')
    return
  }
  assert.ok(Object.hasOwn(PUBLIC_ERRORS, body.error), `${body.error} is not in the list of codes`)
  // The line above says that it is one of them.
  assert.equal(answer.status, PUBLIC_ERRORS[body.error as ErrorCode].status)
  assert.equal(body.request_id, id)
  assert.ok(typeof body.message === 'string' && body.message !== '')
  if (body.error.startsWith('field_') || body.error === 'password_rejected')
    assert.equal(typeof body.field, 'string', `${text} names no field`)
  const unexpected = Object.keys(body).filter((key) => !['error', 'message', 'field', 'reason', 'request_id'].includes(key))
  assert.deepEqual(unexpected, [])
  // The sentence may quote the client's own words, so only what it did not send is looked for.
  if (!holds(made, 'table')) assert.doesNotMatch(body.message, /node_modules|\.ts:\d|sqlite|no such table|undefined/i)
}

/** Only what a browser asked for is refused as a page, and that says no more than the JSON does. */
function checkRefusalPage(made: MadeUpRequest, text: string): void {
  assert.ok(
    made.path.startsWith('/forms/') || (made.headers.accept ?? '').toLowerCase().startsWith('text/html'),
    `${made.path} answered a page`,
  )
  assert.match(text, /^<!doctype html>\n<html lang="(en|fr)">/)
  assert.match(text, /<h1>/)
  // What was typed stands in its field again.
  if (!holds(made, 'table') && !holds(made, 'undefined')) assert.doesNotMatch(text, /node_modules|\.ts:\d|sqlite|no such table|undefined/i)
  assert.doesNotMatch(text, /<script(?! src="\/pages\.js" defer><\/script>)/)
}

function holds({ headers, body }: MadeUpRequest, text: string): boolean {
  return (
    Object.values(headers).some((value) => value.includes(text)) ||
    (typeof body === 'string' && decodeURIComponentSafely(body).includes(text))
  )
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function asRequest({ method, path, headers, body }: MadeUpRequest, fill: (text: string) => string): Request | null {
  const filled =
    typeof body === 'string' ? fill(body.replaceAll(encodeURIComponent(RESET_TOKEN).replaceAll('%20', '+'), RESET_TOKEN)) : body
  try {
    return new Request(`http://localhost${path}`, {
      method,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)])),
      // The cast is for Uint8Array, which every fetch takes as a body.
      body: filled as BodyInit | null,
    })
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

async function usersOf(app: TestApp): Promise<string> {
  return JSON.stringify(await app.auth.deps.database.reads.selectFrom('users').selectAll().execute())
}
