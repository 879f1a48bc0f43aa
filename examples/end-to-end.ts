// A client that walks through the whole contract: register, log in, log out, reset the password, log in again.
// Every answer is compared with what the contract says; the first one that differs ends the program with exit code 1.
//
//   npm start                                           the service, on port 5000
//   node examples/end-to-end.ts [URL] [--fresh]         --fresh: an address of its own, so that it can run again
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual, parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { fresh: { type: 'boolean', default: false } } })
const service = (positionals[0] ?? 'http://localhost:5000').replace(/\/$/, '')
const email = values.fresh ? `guillaume-${randomUUID().slice(0, 8)}@holberton.io` : 'guillaume@holberton.io'
const password = 'b4l0u'
const newPassword = 't4rt1fl3tt3'

interface Call {
  readonly form?: Record<string, string>
  readonly session?: string
}
interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

async function call(method: string, path: string, { form, session }: Call = {}): Promise<Answer> {
  const response = await fetch(service + path, {
    method,
    redirect: 'manual',
    headers: session === undefined ? {} : { cookie: `session_id=${session}` },
    ...(form && { body: new URLSearchParams(form) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers }
}

function check(step: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) {
    console.log(`ok    ${step}: ${JSON.stringify(expected)}`)
    return
  }
  console.error(`FAIL  ${step}\n      expected ${JSON.stringify(expected)}\n      found    ${JSON.stringify(found)}`)
  process.exit(1)
}

async function logIn(step: string, secret: string): Promise<string> {
  const answer = await call('POST', '/sessions', { form: { email, password: secret } })
  check(step, [answer.status, answer.body], [200, { email, message: 'logged in' }])
  const session = /^session_id=([^;]+)/.exec(answer.headers.getSetCookie()[0] ?? '')?.[1]
  check(`${step}, and the cookie is there`, session !== undefined, true)
  return session ?? ''
}

console.log(`The contract at ${service}, as ${email}`)

const greeting = await call('GET', '/').catch((error) => {
  console.error(`Nothing answers at ${service} (${error.cause?.code ?? error.message}). Start the service: npm start`)
  return process.exit(1)
})
check('the service greets', [greeting.status, greeting.body], [200, { message: 'Bienvenue' }])

const registered = await call('POST', '/users', { form: { email, password } })
check('register', [registered.status, registered.body], [200, { email, message: 'user created' }])

const again = await call('POST', '/users', { form: { email, password } })
check('register again', [again.status, again.body], [400, { message: 'email already registered' }])

const wrong = await call('POST', '/sessions', { form: { email, password: newPassword } })
check('log in with a wrong password', wrong.status, 401)

check('profile without a session', (await call('GET', '/profile')).status, 403)

const session = await logIn('log in', password)

const profile = await call('GET', '/profile', { session })
check('profile', [profile.status, profile.body], [200, { email }])

const loggedOut = await call('DELETE', '/sessions', { session })
const home = new URL(loggedOut.headers.get('location') ?? '', `${service}/`)
check('log out', [loggedOut.status, home.href], [302, `${service}/`])

check('profile after logging out', (await call('GET', '/profile', { session })).status, 403)

const asked = await call('POST', '/reset_password', { form: { email } })
const { reset_token: resetToken, ...rest } = asked.body as { reset_token?: unknown; email?: unknown }
check('ask for a reset token', [asked.status, rest, typeof resetToken], [200, { email }, 'string'])

const reset = { email, reset_token: String(resetToken), new_password: newPassword }
const updated = await call('PUT', '/reset_password', { form: reset })
check('set a new password', [updated.status, updated.body], [200, { email, message: 'Password updated' }])

check('the token works once', (await call('PUT', '/reset_password', { form: reset })).status, 403)

check('log in with the old password', (await call('POST', '/sessions', { form: { email, password } })).status, 401)

await logIn('log in with the new password', newPassword)

console.log('All as the contract says.')
