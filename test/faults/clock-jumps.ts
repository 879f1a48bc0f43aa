import { startService } from '../service-process.ts'
import { askForReset, checkEnded, checkLive, logIn, logOut, newPassword, passwordChanged, register, resetPassword } from './actions.ts'
import { type Ledger, type LedgerUser, makeLedger } from './ledger.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { SERVICE_WITH_CLOCK } from './service-under-test.ts'
import type { ClockMessage } from './service-with-clock.ts'
import { openStage } from './stage.ts'
import { verify } from './verify.ts'

const DAY_MILLISECONDS = 86_400_000
/** A jump of a day ends every session and every reset token. */
const LIFETIMES = { BIENVENUE_SESSION_IDLE: '6h', BIENVENUE_SESSION_ABSOLUTE: '12h', BIENVENUE_RESET_TOKEN_TTL: '60m' }

type Jump = (days: 1 | -1) => Promise<unknown>

export const clockJumps: Scenario = {
  number: 6,
  title: 'the clock jumps by a day',
  engines: ['sqlite', 'postgres'],
  async run({ engine, postgres, short, progress }) {
    const rounds = short ? 2 : 20
    await using stage = await openStage(engine, postgres)
    await using service = await startService(stage.folder, { ...stage.env, ...LIFETIMES }, SERVICE_WITH_CLOCK)
    const ledger = makeLedger(service.url)
    let jumps = 0
    const jump: Jump = (days) => {
      jumps++
      return service.tell({ jump: days * DAY_MILLISECONDS } satisfies ClockMessage)
    }
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`)
      await forwardAndBack(ledger, jump)
      await backAndForward(ledger, jump)
    }
    await verify(ledger, stage, { logins: true })
    ledger.client.close()
    const ended = ledger.users.reduce((sum, user) => sum + user.ended.length, 0)
    return reportOf(ledger, { jumps, users: ledger.users.length, 'ended, and refused after every jump': ended })
  },
}

async function forwardAndBack(ledger: Ledger, jump: Jump): Promise<void> {
  const alice = await newUser(ledger)
  const bob = await newUser(ledger)
  const dave = await newUser(ledger)
  await jump(1)
  const ofAlice = await expire(ledger, alice)
  const ofBob = await expire(ledger, bob)
  await goesOn(ledger, alice)
  await jump(-1)
  await staysExpired(ledger, alice, ofAlice)
  await staysExpired(ledger, bob, ofBob)
  // Begun in what is now the future: it works, and it ends when it is told to.
  await goesOn(ledger, alice)
  await logOut(ledger, alice)
  await checkEnded(ledger, alice)
  // Nobody asked for it while it was over.
  await checkLive(ledger, dave)
  // Bob was logged out by the jump, not locked out.
  await goesOn(ledger, bob)
  await resetPassword(ledger, bob)
  await goesOn(ledger, bob)
}

async function backAndForward(ledger: Ledger, jump: Jump): Promise<void> {
  const carol = await newUser(ledger)
  await jump(-1)
  await checkLive(ledger, carol)
  const erin = await newUser(ledger)
  await jump(1)
  const ofErin = await expire(ledger, erin)
  await checkLive(ledger, carol)
  await jump(-1)
  await staysExpired(ledger, erin, ofErin)
  await goesOn(ledger, erin)
  // Hers of now ends with the way back to the present.
  const again = [...erin.live]
  await jump(1)
  passwordChanged(erin, erin.password, again)
  await checkEnded(ledger, erin)
  await goesOn(ledger, erin)
}

async function newUser(ledger: Ledger): Promise<LedgerUser> {
  const { user } = await register(ledger)
  await goesOn(ledger, user)
  return user
}

/** A new login works, what was begun before and not ended works, a new reset token is made. */
async function goesOn(ledger: Ledger, user: LedgerUser): Promise<void> {
  await logIn(ledger, user)
  for (const session of user.live) await ledger.ask('GET', '/profile', { session }, ({ status }) => status === 200)
  await askForReset(ledger, user)
}

interface Expired {
  readonly sessions: readonly string[]
  readonly resetToken: string | null
}

/** The jump ended these: refused now, and for the ledger from now on. */
async function expire(ledger: Ledger, user: LedgerUser): Promise<Expired> {
  const expired = { sessions: [...user.live], resetToken: user.resetToken }
  passwordChanged(user, user.password, expired.sessions)
  await staysExpired(ledger, user, expired)
  return expired
}

async function staysExpired(ledger: Ledger, user: LedgerUser, { sessions, resetToken }: Expired): Promise<void> {
  for (const session of sessions) await ledger.ask('GET', '/profile', { session }, ({ status }) => status === 403)
  const json = { email: user.email, reset_token: resetToken, new_password: newPassword() }
  await ledger.ask('PUT', '/reset_password', { json }, ({ status }) => status === 403)
}
