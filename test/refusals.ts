import assert from 'node:assert/strict'
import { AuthError, type ErrorCode, type ErrorDetails } from '../src/errors.ts'
import { TEXTS } from '../src/pages/texts/texts.ts'
import { sessionOf, type TestResponse } from './test-app.ts'

/** For `assert.rejects`: a refusal with this code, and these details where they are given. */
export function refused(code: ErrorCode, details: ErrorDetails = {}): (thrown: unknown) => true {
  return (thrown) => {
    if (!(thrown instanceof AuthError)) throw thrown
    assert.equal(thrown.code, code)
    assert.deepEqual({ ...thrown.details, ...details }, thrown.details)
    return true
  }
}

/** A refusal over HTTP: this status and code, a sentence, the request's id, and nothing else but `field` and `reason` where they are given. */
export function assertRefused(
  answer: TestResponse,
  status: number,
  code: ErrorCode,
  more: { readonly field?: string; readonly reason?: string } = {},
): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  const { message, ...body } = answer.json
  assert.deepEqual(body, { error: code, ...more, request_id: answer.headers.get('x-request-id') })
  assert.match(message, /\.$/)
  assert.deepEqual(answer.headers.getSetCookie(), [])
}

/** A refusal as a person sees it: a page with this status and the sentence of this code, and no session. */
export function assertPageRefused(answer: TestResponse, status: number, code: keyof typeof TEXTS.en.errors): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  const sentence = TEXTS.en.errors[code]
  assert.ok(typeof sentence === 'string' && answer.text.includes(sentence), `${code} is not on the page`)
  assert.equal(sessionOf(answer), null)
}

/** A success over HTTP: 200, JSON, and exactly this body. */
export function assertAnswered(answer: TestResponse, body: object): void {
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.deepEqual(answer.json, body)
}
