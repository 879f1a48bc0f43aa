import assert from 'node:assert/strict'
import { ask, type Browser, type Login, type Person, type Proof, type Reply, type World } from './world.ts'

const SECOND_FACTORS: readonly Proof[] = ['otp', 'recovery_code', 'pop']
const TICKET_MILLISECONDS = 600_000
const STEP_UP_MILLISECONDS = 600_000

/** How often each thing was seen, over all runs: a model that never gets anywhere finds nothing. */
export const seen = new Map<string, number>()

export function count(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1)
}

export const hasSecond = ({ totp, passkeys }: Person): boolean => totp !== null || passkeys.size > 0

/** The full set: a passkey; or the first factor, with a second one where the user has one or must have one. */
export function isFull({ policy }: World, person: Person, proved: ReadonlySet<Proof>): boolean {
  if (proved.has('pop')) return true
  if (!proved.has('pwd') && !proved.has('email')) return false
  return (policy === 'optional' && !hasSecond(person)) || SECOND_FACTORS.some((proof) => proved.has(proof))
}

export function isAlive({ app }: World, { ended, endsAt }: { readonly ended: boolean; readonly endsAt: number }): boolean {
  return !ended && app.clock.now() < endsAt
}

/** The login that a browser's cookie stands for; one that is over is none. */
export function loginOf(world: World, { session }: Browser): Login | null {
  const login = world.logins.find(({ tokens }) => tokens.at(-1) === session)
  return login && stateOf(world, login) !== 'dead' ? login : null
}

/** When it was last seen is written now and then only, so for a while either answer is right. */
function stateOf({ app }: World, { ended, beganAt, seenAt }: Login): 'alive' | 'dead' | 'either' {
  const now = app.clock.now()
  const { idleSeconds, absoluteSeconds } = app.config.session
  const unwritten = Math.max(60, idleSeconds / 100) * 1_000
  if (ended || now - beganAt >= absoluteSeconds * 1_000 || now - seenAt >= idleSeconds * 1_000) return 'dead'
  return now - seenAt + unwritten < idleSeconds * 1_000 ? 'alive' : 'either'
}

const isRecent = ({ app }: World, at: number | null) => at !== null && app.clock.now() - at <= STEP_UP_MILLISECONDS

export function isSteppedUp(world: World, { person, proved, provedAt, secondAt }: Login): boolean {
  if (proved.has('pop') && isRecent(world, secondAt)) return true
  if (!proved.has(person.password === null ? 'email' : 'pwd')) return false
  return isRecent(world, hasSecond(person) ? secondAt : provedAt)
}

/** For what carries the password with it. */
export const owesNoSecond = (world: World, { person, secondAt }: Login): boolean => !hasSecond(person) || isRecent(world, secondAt)

export function endTickets(world: World, person: Person): void {
  for (const ticket of world.tickets) if (ticket.person === person) ticket.ended = true
}

export function endLogins(world: World, person: Person, except: Login | null): void {
  for (const login of world.logins) if (login.person === person && login !== except) login.ended = true
}

/** A new password: nothing that was begun or is known goes on but this session. */
export function newPassword(world: World, person: Person, password: string, kept: Login | null): void {
  person.password = password
  person.mailed = null
  endTickets(world, person)
  endLogins(world, person, kept)
}

/** The session goes on under the token that the answer sets, having proved this. */
export function renewed(world: World, login: Login, reply: Reply, proof: Proof): void {
  assert.equal(reply.status, 200, JSON.stringify(reply.json))
  assert.ok(reply.session && !login.tokens.includes(reply.session), 'a new token')
  login.tokens.push(reply.session)
  login.proved = new Set([...login.proved, proof])
  login.provedAt = world.app.clock.now()
  if (SECOND_FACTORS.includes(proof)) login.secondAt = login.provedAt
}

/** A refusal tells and gives nothing. */
export function assertNothingGiven(reply: Reply): void {
  assert.ok((reply.status >= 400 && reply.status < 500) || reply.status === 503, `taken: ${reply.status} ${JSON.stringify(reply.json)}`)
  assert.equal(reply.session, null, 'a refusal sets no session')
  assert.equal(reply.json.ticket, undefined, 'a refusal gives no ticket')
}

export const isThrottled = ({ status }: Reply): boolean => status === 429 || status === 503

/** What the model thinks of one step of a login. */
export interface Claim {
  readonly person: Person
  readonly proved: ReadonlySet<Proof>
  readonly isRight: boolean
  /** What is used up by it. */
  readonly spend: () => void
}

/** Judge an answer of POST or PUT /sessions: a session comes of the full set of proofs, a ticket of a right first one, and nothing of anything else. */
export function judgeLogin(world: World, before: string, reply: Reply, { person, proved, isRight, spend }: Claim): void {
  if (!isRight || isThrottled(reply)) {
    assertNothingGiven(reply)
    return
  }
  spend()
  const now = world.app.clock.now()
  if (!isFull(world, person, proved)) {
    assert.deepEqual([reply.status, reply.json.error, reply.session], [401, 'second_factor_required', null])
    assert.deepEqual(reply.json.factors, secondNames(person))
    world.tickets.push({ token: reply.json.ticket, person, proved, endsAt: now + TICKET_MILLISECONDS, ended: false })
    count('ticket')
    return
  }
  assert.equal(reply.status, 200, `should have logged in: ${JSON.stringify(reply.json)}`)
  begin(world, before, reply, person, proved)
  count([...proved].join(' and '))
}

/** A session that an answer began; the one that its browser held is over. */
export function begin(world: World, before: string, { session }: Reply, person: Person, proved: ReadonlySet<Proof>): void {
  assert.ok(session)
  const former = world.logins.find(({ tokens }) => tokens.at(-1) === before)
  if (former) former.ended = true
  const now = world.app.clock.now()
  const secondAt = SECOND_FACTORS.some((proof) => proved.has(proof)) ? now : null
  world.logins.push({ person, tokens: [session], proved, beganAt: now, provedAt: now, secondAt, seenAt: now, ended: false })
}

function secondNames(person: Person): string[] {
  if (!hasSecond(person)) return []
  return [
    ...(person.totp ? ['totp'] : []),
    ...(person.recoveryCodes.size > 0 ? ['recovery_code'] : []),
    ...(person.passkeys.size > 0 ? ['passkey'] : []),
  ]
}

/** What must hold after every step: whatever cookie was ever to be had opens exactly what its login has proved. */
export async function checkInvariant(world: World): Promise<void> {
  const { app, logins, tickets } = world
  for (const { token } of tickets)
    assert.equal((await ask(world, 'GET', '/profile', { session: token })).status, 403, 'a ticket is no session')
  for (const login of logins) {
    const [state, present] = [stateOf(world, login), login.tokens.at(-1)]
    for (const session of login.tokens) {
      const { status } = await ask(world, 'GET', '/profile', { session })
      if (session !== present || state === 'dead') assert.equal(status, 403, `let in: ${[...login.proved].join(' ')}`)
      else if (state === 'alive') assert.equal(status, 200, `not let in: ${[...login.proved].join(' ')}`)
      else if (status !== 200) login.ended = true
    }
    if (state === 'dead' || login.ended || present === undefined) continue
    login.seenAt = app.clock.now()
    const guarded = await ask(world, 'GET', '/account/export', { session: present })
    assert.equal(guarded.status, isSteppedUp(world, login) ? 200 : 403, `step-up: ${[...login.proved].join(' ')}`)
    count(guarded.status === 200 ? 'stepped up' : 'not stepped up')
  }
  await app.auth.settled()
}
