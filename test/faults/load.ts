import { setTimeout as delay } from 'node:timers/promises'
import { askForReset, changePassword, checkEnded, checkLive, logIn, logOut, pick, register, rename, resetPassword } from './actions.ts'
import type { Ledger, LedgerUser, Verdict } from './ledger.ts'

export interface Load extends AsyncDisposable {
  /** Let what is under way end, and send no more. */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly clients: number
  /** Between two requests of a client. */
  readonly pauseMilliseconds: number
  /** Somebody else's to write to. */
  readonly without?: LedgerUser
}

/** After an answer that was not good. */
const BACK_OFF_MILLISECONDS = 20
/** Users of one client; it registers more while some of them are in doubt. */
const USERS_PER_CLIENT = 1
const SESSIONS_PER_USER = 5

/** Users who are logged in, so that a load begins with cheap writes. */
export async function seed(ledger: Ledger, users: number): Promise<void> {
  const one = async () => {
    const { user } = await register(ledger)
    for (let sessions = 0; sessions < 3; sessions++) await logIn(ledger, user)
  }
  await Promise.all(Array.from({ length: users }, one))
}

/** Clients that register, log in and out, change and ask, each with users of its own. Few of their writes hash, so that there are many. */
export function startLoad(ledger: Ledger, { clients, pauseMilliseconds, without }: LoadOptions): Load {
  let stopping = false
  const free = ledger.users.filter((user) => user.doubt === null && user !== without)
  async function client(own: LedgerUser[]): Promise<void> {
    while (!stopping) {
      const verdict = await act(ledger, own)
      await delay(verdict === 'good' ? pauseMilliseconds : BACK_OFF_MILLISECONDS)
    }
  }
  ledger.beginOutageCount()
  const running = Array.from({ length: clients }, (_, at) => client(free.filter((_user, index) => index % clients === at)))
  const stop = async () => {
    stopping = true
    await Promise.all(running)
  }
  return { stop, [Symbol.asyncDispose]: stop }
}

const POLL_MILLISECONDS = 5
/** So long that only a service which does not come back takes it. */
const NEVER_MILLISECONDS = 60_000

/** Wait until this holds; then the scenario goes on, or it fails rather than hang. */
export async function waitUntil(holds: () => boolean, what: string): Promise<void> {
  const givenUpAt = performance.now() + NEVER_MILLISECONDS
  while (!holds()) {
    if (performance.now() > givenUpAt) throw new Error(`this did not happen within ${NEVER_MILLISECONDS / 1_000} s: ${what}`)
    await delay(POLL_MILLISECONDS)
  }
}

async function act(ledger: Ledger, own: LedgerUser[]): Promise<Verdict> {
  const usable = own.filter((user) => user.doubt === null)
  if (usable.length < USERS_PER_CLIENT) {
    const { user, verdict } = await register(ledger)
    own.push(user)
    return verdict
  }
  const user = pick(usable)
  if (user.live.length === 0) return logIn(ledger, user)
  return choose(user)(ledger, user)
}

/** In a hundred: 8 with a hash, about 50 other writes. */
function choose(user: LedgerUser) {
  const roll = Math.random() * 100
  if (roll < 1) return changePassword
  if (roll < 2 && user.resetToken !== null) return resetPassword
  if (roll < 8) return user.live.length < SESSIONS_PER_USER ? logIn : logOut
  if (roll < 13 && user.live.length > 1) return logOut
  if (roll < 20) return askForReset
  if (roll < 60) return rename
  if (roll < 75 && user.ended.length > 0) return checkEnded
  return checkLive
}
