import { setTimeout as delay } from 'node:timers/promises'
import { passwordChanged, pick } from './actions.ts'
import { type Answer, type Asked, tokenOf } from './client.ts'
import type { Ledger, LedgerUser } from './ledger.ts'
import type { Stage } from './stage.ts'

/** Users asked at once. */
const SIDE_BY_SIDE = 8
/** The service is up, so a "not now" passes. */
const PATIENCE_MILLISECONDS = 20_000

/**
 * Ask the service whether everything that it acknowledged is true, and whether what it did not acknowledge was done wholly or not at all.
 *
 * @param options.logins also log in as every user, and use reset tokens of some: costs a hash each, and ends the sessions of those
 */
export async function verify(ledger: Ledger, stage: Pick<Stage, 'unlock'>, options: { readonly logins: boolean }): Promise<void> {
  // A login whose answer never came counts as a failure; what is asked here is whether the data are there, not whether attempts are counted.
  await stage.unlock()
  const waiting = [...ledger.users]
  const one = async () => {
    for (let user = waiting.pop(); user; user = waiting.pop()) {
      if (user.doubt !== null && !(await settleDoubt(ledger, user))) continue
      await checkSessions(ledger, user)
      await checkName(ledger, user)
      user.resetsUncertain = false
      if (options.logins) await checkSecrets(ledger, user)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, one))
}

async function certainAnswer(ledger: Ledger, method: string, path: string, asked: Asked): Promise<Answer> {
  const givenUpAt = performance.now() + PATIENCE_MILLISECONDS
  for (;;) {
    const { answer, verdict } = await ledger.ask(method, path, asked, ({ status }) => status < 500)
    if (verdict === 'good') return answer
    if (performance.now() > givenUpAt) throw new Error(`the service does not come back: ${answer.status} ${answer.text}`)
    await delay(50)
  }
}

const isLoggedIn = async (ledger: Ledger, email: string, password: string) =>
  tokenOf(await certainAnswer(ledger, 'POST', '/sessions', { json: { email, password } }))

/** @returns false: the user is none */
async function settleDoubt(ledger: Ledger, user: LedgerUser): Promise<boolean> {
  const { doubt } = user
  user.doubt = null
  if (doubt?.kind === 'registration' && (await isLoggedIn(ledger, user.email, user.password)) === null) {
    ledger.users.splice(ledger.users.indexOf(user), 1)
    return false
  }
  // Where it was made, checkSessions asks next whether the sessions ended with it, and otherwise whether they all go on.
  if (doubt?.kind === 'password' && (await isLoggedIn(ledger, user.email, doubt.next)) !== null)
    passwordChanged(user, doubt.next, doubt.ends)
  else if (doubt?.kind === 'password' && (await isLoggedIn(ledger, user.email, user.password)) === null)
    ledger.lose('after an unanswered change of password neither password works')
  return true
}

async function checkSessions(ledger: Ledger, user: LedgerUser): Promise<void> {
  for (const session of user.live) {
    const { status, text } = await certainAnswer(ledger, 'GET', '/profile', { session })
    if (status !== 200 || JSON.parse(text).email !== user.email) ledger.lose(`a session that was begun and not ended: ${status} ${text}`)
  }
  for (const session of user.ended) {
    const { status } = await certainAnswer(ledger, 'GET', '/profile', { session })
    if (status !== 403) ledger.blame(`an ended session is answered with ${status}`)
  }
}

async function checkName(ledger: Ledger, user: LedgerUser): Promise<void> {
  if (user.live.length === 0) return
  const { status, text } = await certainAnswer(ledger, 'GET', '/account', { session: pick(user.live) })
  if (status !== 200) return
  const { name } = JSON.parse(text)
  if (!user.names.includes(name)) ledger.lose(`a name: ${name} is none of ${user.names.join(', ')}`)
  user.names = [name]
}

async function checkSecrets(ledger: Ledger, user: LedgerUser): Promise<void> {
  const session = await isLoggedIn(ledger, user.email, user.password)
  if (session === null) return ledger.lose('a user, or a password')
  const json = { email: user.email, reset_token: user.resetToken, new_password: user.password }
  if (user.resetToken === null) return
  const { status, text } = await certainAnswer(ledger, 'PUT', '/reset_password', { json })
  if (status !== 200) return ledger.lose(`a reset token: ${status} ${text}`)
  passwordChanged(user, user.password, [...user.live, session])
  await checkSessions(ledger, user)
}
