import assert from 'node:assert/strict'
import fc from 'fast-check'
import { totpCode } from '../second-factors.ts'
import { back, browser, browserAt, codeOf, isWrong, newest, personAt, type Step, step, who, wrongCode } from './login-steps.ts'
import {
  assertNothingGiven,
  begin,
  count,
  endTickets,
  hasSecond,
  isAlive,
  isSteppedUp,
  isThrottled,
  loginOf,
  newPassword,
  owesNoSecond,
  renewed,
} from './oracle.ts'
import { ask, type Browser, type Login, type Person, type Reply, stepAt, type Ticket, type World } from './world.ts'

/** By what right a factor is added: what is sent, and whose it is. `person` is null where it is no right. */
interface Right {
  readonly json: object
  readonly from: Browser
  readonly boundTo: Login | Ticket | null
  readonly person: Person | null
}

const by = fc.record({ withTicket: fc.boolean(), browser, back })

function rightOf(world: World, args: { readonly withTicket: boolean; readonly browser: number; readonly back: number }): Right {
  const from = browserAt(world, args.browser)
  const ticket = args.withTicket ? newest(world.tickets, args.back) : undefined
  if (ticket) {
    const { person, proved } = ticket
    const isRight = isAlive(world, ticket) && !hasSecond(person) && (person.password === null || proved.has('pwd'))
    return { json: { ticket: ticket.token }, from, boundTo: ticket, person: isRight ? person : null }
  }
  const login = loginOf(world, from)
  return { json: {}, from, boundTo: login, person: login && isSteppedUp(world, login) ? login.person : null }
}

/** The factor was added: the session goes on under a new token, or the login of the ticket is complete. */
function added(world: World, before: string, reply: Reply, { boundTo, person }: Right, proof: 'otp' | 'pop'): void {
  assert.ok(boundTo && person)
  assert.equal(reply.status, 200, JSON.stringify(reply.json))
  endTickets(world, person)
  if (reply.json.recovery_codes) person.recoveryCodes = new Set(reply.json.recovery_codes)
  if ('tokens' in boundTo) renewed(world, boundTo, reply, proof)
  else begin(world, before, reply, person, new Set([...boundTo.proved, proof]))
  count(`added ${proof} by ${'tokens' in boundTo ? 'session' : 'ticket'}`)
}

const beginTotp = step('begin an app', by, async (world, args) => {
  const { json, from, boundTo, person } = rightOf(world, args)
  const reply = await ask(world, 'POST', '/totp', { json, browser: from })
  if (!person || !boundTo) return assertNothingGiven(reply)
  assert.equal(reply.status, 200, JSON.stringify(reply.json))
  for (const earlier of world.enrolments) if (earlier.boundTo === boundTo) earlier.ended = true
  const endsAt = world.app.clock.now() + 600_000
  world.enrolments.push({ boundTo, person, secret: reply.json.secret, endsAt, ended: false })
})

const confirmTotp = step('confirm an app', fc.record({ by, enrolment: back, isWrong }), async (world, args) => {
  const enrolment = newest(world.enrolments, args.enrolment)
  if (!enrolment) return
  const right = rightOf(world, args.by)
  const { app } = world
  const code = args.isWrong ? wrongCode(app, enrolment.secret) : totpCode(app, enrolment.secret)
  const before = right.from.session
  const reply = await ask(world, 'PUT', '/totp', { json: { ...right.json, code }, browser: right.from })
  const isRight = right.person && right.boundTo === enrolment.boundTo && isAlive(world, enrolment) && !args.isWrong
  if (!isRight || isThrottled(reply)) return assertNothingGiven(reply)
  added(world, before, reply, right, 'otp')
  enrolment.ended = true
  enrolment.person.totp = { secret: enrolment.secret, lastStep: stepAt(app.clock.now()), lastCode: code }
})

const addPasskey = step('add a passkey', fc.record({ asks: by, adds: by, isSame: fc.boolean() }), async (world, args) => {
  const asking = rightOf(world, args.asks)
  const options = await ask(world, 'POST', '/passkeys/options', { json: asking.json, browser: asking.from })
  if (!asking.person) return assertNothingGiven(options)
  assert.equal(options.status, 200, JSON.stringify(options.json))
  const passkey = await asking.person.authenticator.create(options.json, { ignoresExclusions: true })
  const right = rightOf(world, args.isSame ? args.asks : args.adds)
  const before = right.from.session
  const reply = await ask(world, 'POST', '/passkeys', { json: { ...right.json, passkey }, browser: right.from })
  if (!right.person || right.boundTo !== asking.boundTo) return assertNothingGiven(reply)
  added(world, before, reply, right, 'pop')
  right.person.passkeys.set(passkey.id, reply.json.id)
})

/** What is asked with a session and a fresh proof; `apply` is what the model makes of it, where nothing is against it. */
async function guarded(
  world: World,
  args: { readonly browser: number },
  ask_: (login: Login | null) => readonly [method: string, path: string],
  apply: (login: Login, reply: Reply) => void,
): Promise<void> {
  const from = browserAt(world, args.browser)
  const login = loginOf(world, from)
  const [method, path] = ask_(login)
  const reply = await ask(world, method, path, { browser: from })
  if (!login || !isSteppedUp(world, login)) return assertNothingGiven(reply)
  apply(login, reply)
}

/** Would this be left, or is it too little? */
function mayRemain(world: World, person: Person, left: Pick<Person, 'totp' | 'passkeys'>): boolean {
  const isUsable = person.password !== null || left.passkeys.size > 0
  return isUsable && (world.policy === 'optional' || left.totp !== null || left.passkeys.size > 0)
}

function removed(world: World, person: Person): void {
  endTickets(world, person)
  if (!hasSecond(person)) person.recoveryCodes = new Set()
  count('removed')
}

const removeTotp = step('remove the app', fc.record({ browser }), (world, args) =>
  guarded(
    world,
    args,
    () => ['DELETE', '/totp'],
    ({ person }, reply) => {
      if (!person.totp || !mayRemain(world, person, { totp: null, passkeys: person.passkeys })) return assertNothingGiven(reply)
      assert.equal(reply.status, 200, JSON.stringify(reply.json))
      person.totp = null
      removed(world, person)
    },
  ),
)

const removePasskey = step('remove a passkey', fc.record({ browser, back, whose: who }), async (world, args) => {
  const owner = loginOf(world, browserAt(world, args.browser))?.person ?? personAt(world, args.whose)
  const [credential, id] = newest([...owner.passkeys], args.back) ?? ['', 'none']
  await guarded(
    world,
    args,
    () => ['DELETE', `/passkeys/${id}`],
    ({ person }, reply) => {
      const left = new Map([...person.passkeys].filter(([one]) => one !== credential))
      if (credential === '' || !mayRemain(world, person, { totp: person.totp, passkeys: left })) return assertNothingGiven(reply)
      assert.equal(reply.status, 200, JSON.stringify(reply.json))
      person.passkeys.delete(credential)
      removed(world, person)
    },
  )
})

const newCodes = step('new recovery codes', fc.record({ browser }), (world, args) =>
  guarded(
    world,
    args,
    () => ['POST', '/recovery_codes'],
    ({ person }, reply) => {
      if (!hasSecond(person)) return assertNothingGiven(reply)
      assert.equal(reply.status, 200, JSON.stringify(reply.json))
      const [spent] = person.recoveryCodes
      person.spentRecoveryCode = spent ?? person.spentRecoveryCode
      person.recoveryCodes = new Set(reply.json.recovery_codes)
      endTickets(world, person)
      count('new codes')
    },
  ),
)

const changePassword = step('change the password', fc.record({ browser, isWrong }), async (world, args) => {
  const from = browserAt(world, args.browser)
  const login = loginOf(world, from)
  const current = login?.person.password
  const next = `new passphrase number ${++world.passwordsMade} of them`
  const json = { current_password: args.isWrong ? 'not the password' : (current ?? 'none'), new_password: next }
  const reply = await ask(world, 'PUT', '/account/password', { json, browser: from })
  const isRight = login && current != null && !args.isWrong && owesNoSecond(world, login)
  if (!isRight || isThrottled(reply)) return assertNothingGiven(reply)
  renewed(world, login, reply, 'pwd')
  newPassword(world, login.person, next, login)
  count('changed')
})

const resetPassword = step('reset the password', fc.record({ who, browser }), async (world, args) => {
  const person = personAt(world, args.who)
  const next = `new passphrase number ${++world.passwordsMade} of them`
  const reset_token = await world.app.auth.getResetPasswordToken(person.user.email)
  const json = { email: person.user.email, reset_token, new_password: next }
  const reply = await ask(world, 'PUT', '/reset_password', { json, browser: browserAt(world, args.browser) })
  assert.deepEqual([reply.status, reply.session], [200, null])
  newPassword(world, person, next, null)
  count('reset')
})

const logOut = step('log out', fc.record({ browser }), async (world, args) => {
  const from = browserAt(world, args.browser)
  const login = loginOf(world, from)
  const { session } = from
  await ask(world, 'DELETE', '/sessions', { browser: from })
  if (login) login.ended = true
  // It is tried again all the same.
  from.session = session
})

const prove = step(
  'prove again',
  fc.record({ browser, back, isWrong, factor: fc.constantFrom('pwd', 'otp', 'pop') }),
  async (world, { factor, ...args }) => {
    const from = browserAt(world, args.browser)
    const login = loginOf(world, from)
    const person = login?.person ?? personAt(world, 0)
    if (factor === 'pop') {
      const options = await ask(world, 'POST', '/reauthentication/passkey_options', { browser: from })
      if (!login) return assertNothingGiven(options)
      const passkey = newest(person.authenticator.passkeys, args.back)
      if (!passkey) return
      const json = { passkey: await person.authenticator.get(options.json, { passkey: passkey.id }) }
      const reply = await ask(world, 'POST', '/reauthentication', { json, browser: from })
      return person.passkeys.has(passkey.id) ? renewed(world, login, reply, 'pop') : assertNothingGiven(reply)
    }
    const code = codeOf(world, person, args.isWrong ? 'wrong' : 'now')
    const isRight = factor === 'otp' ? code.isRight : person.password !== null && !args.isWrong
    const json = factor === 'otp' ? { totp_code: code.code } : { password: isRight ? person.password : 'not the password' }
    const reply = await ask(world, 'POST', '/reauthentication', { json, browser: from })
    if (!login || !isRight || isThrottled(reply)) return assertNothingGiven(reply)
    if (factor === 'otp') code.spend()
    renewed(world, login, reply, factor === 'otp' ? 'otp' : 'pwd')
    count('proved again')
  },
)

const wait = step(
  'wait',
  fc.record({ seconds: fc.constantFrom(1, 30, 30, 30, 30, 30, 60, 60, 301, 600, 601, 3_600, 90_000, 700_000) }),
  async ({ app }, { seconds }) => app.clock.advance(seconds),
)

export const accountSteps: readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> }[] = [
  { weight: 3, arbitrary: beginTotp },
  { weight: 3, arbitrary: confirmTotp },
  { weight: 3, arbitrary: addPasskey },
  { weight: 2, arbitrary: removeTotp },
  { weight: 2, arbitrary: removePasskey },
  { weight: 1, arbitrary: newCodes },
  { weight: 4, arbitrary: changePassword },
  { weight: 4, arbitrary: resetPassword },
  { weight: 2, arbitrary: logOut },
  { weight: 4, arbitrary: prove },
  { weight: 6, arbitrary: wait },
]
