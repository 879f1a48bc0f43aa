import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_SESSIONS_PER_USER } from '../../src/sessions/session.ts'
import { type FreshPlace, freshPlace } from '../service-process.ts'

// Two services, each a process of its own, on one database. Whatever ends a session at one is in force at the other at the very next request.

const PASSWORD = 'secret of ann'

interface Ending {
  /** The service at which the session is ended. */
  readonly url: string
  readonly place: FreshPlace
  readonly email: string
  /** The cookie that is to be worth nothing afterwards. */
  readonly cookie: string
  /** Log in once more, as another browser. @returns its cookie */
  logIn(headers?: Record<string, string>): Promise<string>
  send(method: string, path: string, cookie: string | null, fields?: Record<string, string>): Promise<Response>
}

/** Every way in which a session ends, but by time: that needs no message from one process to the other. */
const WAYS: Readonly<Record<string, (ending: Ending) => Promise<void>>> = {
  'its owner logs out': async ({ send, cookie }) => {
    assert.equal((await send('DELETE', '/sessions', cookie)).status, 302)
  },
  'its owner ends it from another session': async ({ send, logIn, cookie }) => {
    const other = await logIn()
    const { sessions } = (await (await send('GET', '/sessions', cookie)).json()) as { sessions: { id: string; current: boolean }[] }
    const { id } = sessions.find(({ current }) => current) ?? { id: '' }
    assert.equal((await send('DELETE', `/sessions/${id}`, other)).status, 200)
  },
  'its owner ends all others': async ({ send, logIn }) => {
    assert.equal((await send('DELETE', '/sessions/others', await logIn())).status, 200)
  },
  'its owner changes the password elsewhere': async ({ send, logIn }) => {
    const fields = { current_password: PASSWORD, new_password: PASSWORD }
    assert.equal((await send('PUT', '/account/password', await logIn(), fields)).status, 200)
  },
  'its owner changes the password in it, and has a new token': async ({ send, cookie }) => {
    const fields = { current_password: PASSWORD, new_password: PASSWORD }
    assert.equal((await send('PUT', '/account/password', cookie, fields)).status, 200)
  },
  'the password is reset': async ({ send, email }) => {
    const { reset_token } = (await (await send('POST', '/reset_password', null, { email })).json()) as { reset_token: string }
    assert.equal((await send('PUT', '/reset_password', null, { email, reset_token, new_password: PASSWORD })).status, 200)
  },
  'its browser logs in anew': async ({ logIn, cookie }) => void (await logIn({ cookie })),
  'too many newer ones have begun': async ({ logIn }) => {
    for (let login = 0; login < MAX_SESSIONS_PER_USER; login++) await logIn()
  },
  'the operator ends it': async ({ place, email }) => {
    assert.equal((await place.run(['sessions', 'end', email])).code, 0)
  },
  'the operator disables the user': async ({ place, email }) => {
    assert.equal((await place.run(['users', 'disable', email])).code, 0)
  },
  'the operator deletes the user': async ({ place, email }) => {
    assert.equal((await place.run(['users', 'delete', email, '--yes'])).code, 0)
  },
  'the database was restored': async ({ place }) => {
    assert.equal((await place.run(['restored', '--yes'])).code, 0)
  },
}

function send(url: string): Ending['send'] {
  return (method, path, cookie, fields) =>
    fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: cookie === null ? {} : { cookie },
      ...(fields && { body: new URLSearchParams(fields) }),
    })
}

test('a session that one process ends is refused by the other at the next request: for every way to end it, in both directions', async () => {
  await using place = await freshPlace()
  await using one = await place.start()
  await using two = await place.start()
  const directions = [
    [one.url, two.url],
    [two.url, one.url],
  ] as const
  for (const [at, [way, end]] of Object.entries(WAYS).entries()) {
    for (const [direction, [here, there]] of directions.entries()) {
      const email = `user-${at}-${direction}@example.com`
      assert.equal((await send(here)('POST', '/users', null, { email, password: PASSWORD })).status, 200)
      const logInAt = async (url: string, headers: Record<string, string> = {}) => {
        const body = new URLSearchParams({ email, password: PASSWORD })
        const answer = await fetch(`${url}/sessions`, { method: 'POST', body, headers })
        assert.equal(answer.status, 200, way)
        return String(answer.headers.getSetCookie()[0]?.split(';')[0])
      }
      const cookie = await logInAt(there)
      const status = async (url: string) => (await send(url)('GET', '/profile', cookie)).status
      // Each knows it, and whatever it keeps of it, it keeps now.
      assert.deepEqual([await status(here), await status(there)], [200, 200], way)
      await end({ url: here, place, email, cookie, logIn: (headers) => logInAt(here, headers), send: send(here) })
      assert.deepEqual([await status(there), await status(here)], [403, 403], `${way}, ended at ${direction}`)
    }
  }
})
