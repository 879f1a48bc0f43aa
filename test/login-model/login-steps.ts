import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeIn, tokenIn } from '../mail-links.ts'
import { totpCode } from '../second-factors.ts'
import { assertNothingGiven, checkInvariant, count, hasSecond, isAlive, judgeLogin } from './oracle.ts'
import { ask, type Browser, type Person, type Proof, stepAt, type Ticket, type World } from './world.ts'

export type Step = fc.AsyncCommand<World, World>

/** A step that may be taken at any time, and after which everything must hold. */
export function step<T>(name: string, args: fc.Arbitrary<T>, run: (world: World, args: T) => Promise<void>): fc.Arbitrary<Step> {
  return args.map((given) => ({
    check: () => true,
    async run(world) {
      count('steps')
      await run(world, given)
      await checkInvariant(world)
    },
    toString: () => `${name} ${JSON.stringify(given)}`,
  }))
}

/** Ann most of the time; Eve has an account of her own, and every factor. */
export const who = fc.constantFrom(0, 0, 0, 0, 1)
export const browser = fc.nat({ max: 2 })
/** Counted from the newest one back. */
export const back = fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 3)
export const isWrong = fc.constantFrom(false, false, false, false, true)

export function personAt({ people }: World, index: number): Person {
  const person = people[index]
  assert.ok(person)
  return person
}

export function browserAt({ browsers }: World, index: number): Browser {
  const found = browsers[index]
  assert.ok(found)
  return found
}

export function newest<T>(list: readonly T[], index: number): T | undefined {
  return list.at(-1 - (index % Math.max(1, list.length)))
}

interface PostStep {
  readonly person: Person
  readonly from: Browser
  readonly json: unknown
  readonly proof: Proof
  readonly isRight: boolean
  readonly spend?: () => void
}

async function post(world: World, { person, from, json, proof, isRight, spend = () => {} }: PostStep): Promise<void> {
  const before = from.session
  const reply = await ask(world, 'POST', '/sessions', { json, browser: from })
  judgeLogin(world, before, reply, { person, proved: new Set([proof]), isRight, spend })
}

const byPassword = step('log in by password', fc.record({ who, browser, isWrong }), async (world, args) => {
  const person = personAt(world, args.who)
  const password = args.isWrong || person.password === null ? 'not the password of anybody' : person.password
  const json = { email: person.user.email, password }
  await post(world, { person, from: browserAt(world, args.browser), json, proof: 'pwd', isRight: password === person.password })
})

/** The text of a mail that was not there before; '' where a recipient has had their three for this hour, and the earlier one goes on. */
async function mailFor(world: World, { user }: Person): Promise<string> {
  const { app, readMails } = world
  await ask(world, 'POST', '/login_codes', { json: { email: user.email } })
  const sent: { kind: string; to: string; text: string }[] = [...(await app.sendMails())]
  if (app.config.posture === 'classic') sent.push(...(await ask(world, 'GET', '/dev/mailbox')).json.mails)
  const mail = sent.find(({ kind, to, text }) => kind === 'login_code' && to === user.email && !readMails.has(text))
  if (mail) readMails.add(mail.text)
  return mail?.text ?? ''
}

const askForMail = step('ask for a mail', fc.record({ who }), async (world, args) => {
  const person = personAt(world, args.who)
  const text = await mailFor(world, person)
  if (text !== '') person.mailed = { code: codeIn({ text }), token: tokenIn({ text }), endsAt: world.app.clock.now() + 600_000 }
})

const NO_TOKEN = 'x'.repeat(43)

const byMail = step(
  'log in by mail',
  fc.record({ who, whose: who, browser, isWrong, isLink: fc.boolean() }),
  async (world, { isLink, ...args }) => {
    const owner = personAt(world, args.whose)
    // A link says whose it is.
    const person = isLink ? owner : personAt(world, args.who)
    const { mailed } = owner
    const isRight = mailed !== null && world.app.clock.now() < mailed.endsAt && owner === person && !args.isWrong
    const code = args.isWrong ? 'ZZZZ-ZZZZ' : (mailed?.code ?? 'ZZZZ-ZZZZ')
    const json = isLink ? { token: args.isWrong ? NO_TOKEN : (mailed?.token ?? NO_TOKEN) } : { email: person.user.email, code }
    const spend = () => {
      owner.mailed = null
    }
    await post(world, { person, from: browserAt(world, args.browser), json, proof: 'email', isRight, spend })
  },
)

/** What an authenticator makes of options that were asked for nobody, or for the login of a ticket. @returns `null`: there are none */
async function assertion(world: World, person: Person, asked: Ticket | null, index: number) {
  const reply = await ask(world, 'POST', '/sessions/passkey_options', { json: asked ? { ticket: asked.token } : {} })
  if (asked && !isAlive(world, asked)) {
    assert.deepEqual([reply.status, reply.json.error], [403, 'session_required'])
    return null
  }
  assert.equal(reply.status, 200)
  const passkey = newest(person.authenticator.passkeys, index)
  if (!passkey) return null
  return { id: passkey.id, json: await person.authenticator.get(reply.json, { passkey: passkey.id }) }
}

const asksWith = fc.constantFrom('nobody', 'nobody', 'ticket')

const byPasskey = step('log in by passkey', fc.record({ who, browser, asksWith, back }), async (world, args) => {
  const person = personAt(world, args.who)
  const ticket = args.asksWith === 'ticket' ? (newest(world.tickets, args.back) ?? null) : null
  const made = await assertion(world, person, ticket, args.back)
  if (!made) return
  const isRight = ticket === null && person.passkeys.has(made.id)
  const from = browserAt(world, args.browser)
  await post(world, { person, from, json: { passkey: made.json }, proof: 'pop', isRight })
  // The same answer once more.
  await post(world, { person, from, json: { passkey: made.json }, proof: 'pop', isRight: false })
})

interface SecondStep {
  readonly ticket: Ticket
  readonly from: Browser
  readonly json: object
  readonly proof: Proof
  readonly isRight: boolean
  readonly spend: () => void
}

async function put(world: World, { ticket, from, json, proof, isRight, spend }: SecondStep): Promise<void> {
  const before = from.session
  const isGood = isAlive(world, ticket)
  const reply = await ask(world, 'PUT', '/sessions', { json: { ticket: ticket.token, ...json }, browser: from })
  if (!isGood) assert.deepEqual([reply.status, reply.json.error], [401, 'ticket_invalid'])
  judgeLogin(world, before, reply, {
    person: ticket.person,
    proved: new Set([...ticket.proved, proof]),
    isRight: isGood && isRight,
    spend() {
      ticket.ended = true
      spend()
    },
  })
}

const codeKind = fc.constantFrom('now', 'now', 'now', 'now', 'before', 'after', 'wrong', 'replayed')

/** A code of the person's app, and whether it is right. */
export function codeOf({ app }: World, { totp }: Person, kind: string): { code: string; isRight: boolean; spend: () => void } {
  if (totp === null) return { code: '123456', isRight: false, spend: () => {} }
  const { secret, lastStep, lastCode } = totp
  const offset = kind === 'before' ? -1 : kind === 'after' ? 1 : 0
  const [codeStep, code] = [stepAt(app.clock.now()) + offset, totpCode(app, secret, offset)]
  if (kind === 'replayed') return { code: lastCode, isRight: false, spend: () => {} }
  if (kind === 'wrong') return { code: wrongCode(app, secret), isRight: false, spend: () => {} }
  return { code, isRight: codeStep > lastStep, spend: () => Object.assign(totp, { lastStep: codeStep, lastCode: code }) }
}

export function wrongCode(app: World['app'], secret: string): string {
  const right = [-1, 0, 1].map((offset) => totpCode(app, secret, offset))
  return ['000000', '111111', '222222', '333333'].find((code) => !right.includes(code)) ?? ''
}

const byTotp = step('second: code', fc.record({ whose: who, browser, back, codeKind }), async (world, args) => {
  const ticket = newest(world.tickets, args.back)
  if (!ticket) return
  const owner = args.whose === 1 ? personAt(world, 1) : ticket.person
  const { code, isRight, spend } = codeOf(world, owner, args.codeKind)
  const json = { totp_code: code }
  await put(world, { ticket, from: browserAt(world, args.browser), json, proof: 'otp', isRight: isRight && owner === ticket.person, spend })
})

const codeState = fc.constantFrom('fresh', 'fresh', 'fresh', 'spent', 'wrong')

const byRecoveryCode = step('second: recovery code', fc.record({ whose: who, browser, back, codeState }), async (world, args) => {
  const ticket = newest(world.tickets, args.back)
  if (!ticket) return
  const owner = args.whose === 1 ? personAt(world, 1) : ticket.person
  const [fresh] = owner.recoveryCodes
  const none = '0123-4567-89AB-CDEF'
  const code = args.codeState === 'fresh' ? (fresh ?? none) : args.codeState === 'spent' ? owner.spentRecoveryCode : none
  const isRight = owner === ticket.person && owner.recoveryCodes.has(code)
  const spend = () => {
    owner.recoveryCodes.delete(code)
    owner.spentRecoveryCode = code
  }
  await put(world, { ticket, from: browserAt(world, args.browser), json: { recovery_code: code }, proof: 'recovery_code', isRight, spend })
})

const byPasskeySecond = step(
  'second: passkey',
  fc.record({ whose: who, browser, back, asksWith: fc.constantFrom('ticket', 'ticket', 'another', 'nobody'), other: back }),
  async (world, args) => {
    const ticket = newest(world.tickets, args.back)
    if (!ticket) return
    const owner = args.whose === 1 ? personAt(world, 1) : ticket.person
    const asked = { ticket, another: newest(world.tickets, args.other) ?? null, nobody: null }[args.asksWith] ?? null
    const made = await assertion(world, owner, asked, args.back)
    if (!made) return
    const isRight = asked === ticket && owner === ticket.person && owner.passkeys.has(made.id)
    const given = { ticket, from: browserAt(world, args.browser), json: { passkey: made.json }, proof: 'pop' as const, spend: () => {} }
    await put(world, { ...given, isRight })
    await put(world, { ...given, isRight: false })
  },
)

/** The ticket in every place that is another token's, and other tokens in its place. */
const misuse = step('misuse a ticket', fc.record({ back, browser, whose: who }), async (world, args) => {
  const ticket = newest(world.tickets, args.back)
  if (!ticket) return
  const { token } = ticket
  const { email } = ticket.person.user
  const { mailed } = ticket.person
  const session = browserAt(world, args.browser).session
  const factor = codeOf(world, ticket.person, 'now').code
  const asked: [method: string, path: string, json: object][] = [
    ['POST', '/sessions', { token }],
    ['PUT', '/reset_password', { email, reset_token: token, new_password: 'a password of somebody else' }],
    ['PUT', '/email_verification', { token }],
    ['PUT', '/account/email', { token }],
    ['PUT', '/sessions', { ticket: session, totp_code: factor }],
    ['PUT', '/sessions', { ticket: mailed?.token ?? '', totp_code: factor }],
    ['PUT', '/sessions', { ticket: token }],
    ['PUT', '/sessions', { ticket: token, totp_code: factor, recovery_code: 'x' }],
    ['POST', '/totp', hasSecond(ticket.person) || !isAlive(world, ticket) ? { ticket: token } : {}],
  ]
  for (const [method, path, json] of asked) {
    const reply = await ask(world, method, path, { json })
    assertNothingGiven(reply)
  }
  count('misuse')
})

export const loginSteps: readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> }[] = [
  { weight: 9, arbitrary: byPassword },
  { weight: 4, arbitrary: askForMail },
  { weight: 5, arbitrary: byMail },
  { weight: 3, arbitrary: byPasskey },
  { weight: 9, arbitrary: byTotp },
  { weight: 4, arbitrary: byRecoveryCode },
  { weight: 4, arbitrary: byPasskeySecond },
  { weight: 1, arbitrary: misuse },
]
