import { randomBytes, randomUUID } from 'node:crypto'
import { tokenOf } from './client.ts'
import type { Ledger, LedgerUser, Verdict } from './ledger.ts'

/** What a client does, and how the ledger keeps it. A write without a good answer leaves a doubt, which verify.ts settles. */
type Action = (ledger: Ledger, user: LedgerUser) => Promise<Verdict>

export async function register(ledger: Ledger): Promise<{ user: LedgerUser; verdict: Verdict }> {
  const user: LedgerUser = {
    email: `${randomUUID()}@me.com`,
    password: newPassword(),
    names: [null],
    resetToken: null,
    resetsUncertain: false,
    live: [],
    ended: [],
    doubt: null,
  }
  const { email, password } = user
  const { verdict } = await ledger.ask('POST', '/users', { json: { email, password } }, ({ status }) => status === 200)
  if (verdict === 'good') ledger.acknowledge()
  else user.doubt = { kind: 'registration' }
  ledger.users.push(user)
  return { user, verdict }
}

export function newPassword(): string {
  return randomBytes(12).toString('hex')
}

/** A session that was begun without an answer is nobody's: its token is known to none. */
export const logIn: Action = async (ledger, user) => {
  const { email, password } = user
  const { verdict, answer } = await ledger.ask('POST', '/sessions', { json: { email, password } }, (one) => tokenOf(one) !== null)
  const token = tokenOf(answer)
  if (verdict === 'good' && token !== null) {
    ledger.acknowledge()
    user.live.push(token)
  }
  return verdict
}

export const checkLive: Action = async (ledger, user) => {
  const { verdict } = await ledger.ask('GET', '/profile', { session: pick(user.live) }, ({ status, text }) => {
    return status === 200 && JSON.parse(text).email === user.email
  })
  return verdict
}

export const checkEnded: Action = async (ledger, user) => {
  const { verdict } = await ledger.ask('GET', '/profile', { session: pick(user.ended) }, ({ status }) => status === 403)
  return verdict
}

/** Without an answer it may go on or not, and is asked no more. */
export const logOut: Action = async (ledger, user) => {
  const session = user.live.shift() ?? ''
  const { verdict } = await ledger.ask('DELETE', '/sessions', { session }, ({ status }) => status === 200)
  if (verdict === 'good') {
    ledger.acknowledge()
    user.ended.push(session)
  }
  return verdict
}

export const rename: Action = async (ledger, user) => {
  const name = randomUUID()
  const { verdict } = await ledger.ask('PATCH', '/account', { session: pick(user.live), json: { name } }, ({ status }) => status === 200)
  // After one without an answer, a later one may yet be overtaken by it.
  const isCertain = verdict === 'good' && user.names.length === 1
  if (isCertain) user.names = [name]
  else user.names.push(name)
  if (verdict === 'good') ledger.acknowledge()
  return verdict
}

export const askForReset: Action = async (ledger, user) => {
  const { verdict, answer } = await ledger.ask('POST', '/reset_password', { json: { email: user.email } }, ({ status }) => status === 200)
  if (verdict !== 'good') user.resetsUncertain = true
  else ledger.acknowledge()
  user.resetToken = user.resetsUncertain ? null : JSON.parse(answer.text).reset_token
  return verdict
}

export const resetPassword: Action = async (ledger, user) => {
  const next = newPassword()
  const json = { email: user.email, reset_token: user.resetToken, new_password: next }
  const { verdict } = await ledger.ask('PUT', '/reset_password', { json }, ({ status }) => status === 200)
  if (verdict === 'good') {
    ledger.acknowledge()
    passwordChanged(user, next, user.live)
  } else user.doubt = { kind: 'password', next, ends: [...user.live] }
  return verdict
}

export const changePassword: Action = async (ledger, user) => {
  const next = newPassword()
  const json = { current_password: user.password, new_password: next }
  const { verdict, answer } = await ledger.ask(
    'PUT',
    '/account/password',
    { session: pick(user.live), json },
    (one) => tokenOf(one) !== null,
  )
  const token = tokenOf(answer)
  if (verdict === 'good' && token !== null) {
    ledger.acknowledge()
    passwordChanged(user, next, user.live)
    user.live.push(token)
  } else user.doubt = { kind: 'password', next, ends: [...user.live] }
  return verdict
}

/** What one transaction did: the password is new, these sessions and the reset token are dead. */
export function passwordChanged(user: LedgerUser, password: string, ends: readonly string[]): void {
  const ended = new Set(ends)
  user.password = password
  user.ended.push(...ended)
  user.live.splice(0, Infinity, ...user.live.filter((token) => !ended.has(token)))
  user.resetToken = null
}

export function pick<T>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}
