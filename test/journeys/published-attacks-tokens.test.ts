import assert from 'node:assert/strict'
import { test } from 'node:test'
import { occupyHashQueue } from '../busy-hash-queue.ts'
import { type Issued, issueEvery, issueOne, kindOf, PLACES, present, startForManyClients, TOKEN_KINDS, useOf } from '../every-token.ts'
import { keptDatabase } from '../fresh-database.ts'
import type { HardenedApp } from '../hardened-app.ts'
import { assertRefused } from '../refusals.ts'
import { until } from '../until.ts'

const NAMES = Object.keys(TOKEN_KINDS)
const HASHING_AT_ONCE = 20
const ONCE = NAMES.filter((name) => kindOf(name).once)

/** @returns how many of the parallel uses succeed; some may be throttled or find no room to hash, which are refusals too */
async function racingUses(app: HardenedApp, name: string, issued: Issued, count: number): Promise<number> {
  const { request } = app
  const { hashQueue } = app.auth.deps
  // So that the uses do not wait for connections, but for each other.
  await Promise.all(Array.from({ length: count }, () => request('GET', '/healthz')))
  Object.assign(app, {
    async request(...call: Parameters<typeof request>) {
      const answer = await request(...call)
      return answer.status === 429 || answer.status === 503 ? { ...answer, status: 403 } : answer
    },
  })
  // What is hashed between the look and the use waits until many have looked.
  const busy = name === 'reset link' ? occupyHashQueue(app, HASHING_AT_ONCE) : null
  const waiting = hashQueue.waiting
  const uses = Promise.all(Array.from({ length: count }, () => useOf(app, name, issued)))
  if (busy) await until(() => hashQueue.waiting === waiting + HASHING_AT_ONCE)
  busy?.[Symbol.dispose]()
  const taken = (await uses).filter(Boolean).length
  Object.assign(app, { request })
  return taken
}

test('Better Auth CVE-2026-114607 and CVE-2026-110862, next-auth CVE-2023-48309: every kind of token is refused at every place of the others (R096, R235)', async () => {
  await using app = await startForManyClients()
  const issued = await issueEvery(app)
  let refused = 0
  for (const [name, { value, email }] of issued) {
    for (const place of Object.keys(PLACES)) {
      if (kindOf(name).at.includes(place)) continue
      const owner = [...issued].find(([other]) => kindOf(other).at.includes(place))?.[1]
      assert.ok(owner, `nothing belongs at ${place}`)
      assert.equal(await present(app, place, { ...owner, email }, value), false, `${name} at ${place}`)
      refused++
    }
  }
  assert.equal(refused, NAMES.length * Object.keys(PLACES).length - NAMES.flatMap((name) => kindOf(name).at).length)
  // Nor does any of them go on with a login, where its ticket would.
  for (const [name, { value: ticket }] of issued) {
    if (name === 'ticket') continue
    for (const path of ['/sessions/passkey_options', '/totp', '/passkeys/options'])
      assertRefused(await app.request('POST', path, { json: { ticket } }), 403, 'session_required')
  }
  // They were alive all the while.
  for (const [name, one] of issued) assert.equal(await useOf(app, name, one), true, name)
})

test('Keycloak CVE-2026-1529: with one character changed, no token is one any more (R096)', async () => {
  await using app = await startForManyClients()
  for (const [name, one] of await issueEvery(app)) {
    const { value } = one
    // Five wrong codes close their own door.
    const isTyped = ['login code', 'recovery code', 'code of an app'].includes(name)
    const places = isTyped ? [0, 3, 5, value.length - 1] : [0, 11, 21, 31, value.length - 1]
    for (const at of places) {
      const changed = `${value.slice(0, at)}${value[at] === '2' ? '3' : '2'}${value.slice(at + 1)}`
      assert.equal(await useOf(app, name, one, changed), false, `${name} at ${at}`)
    }
    // Every login from a browser that is not known makes a device, and ten are kept.
    if (!isTyped && name !== 'device')
      for (const spelling of [`${value}=`, `${value}A`, value.slice(0, -1), `"${value}"`, `${value}.${value}`])
        assert.equal(await useOf(app, name, one, spelling), false, `${name} as ${spelling}`)
    assert.equal(await useOf(app, name, one), true, name)
  }
})

test('Pocket ID CVE-2026-28513: a token that is expired and nothing else is refused, to the second (R278)', async () => {
  for (const name of NAMES) {
    const { seconds } = kindOf(name)
    if (seconds === null) continue
    await using app = await startForManyClients()
    const [early, late] = [await issueOne(app, name, 'ann@example.com'), await issueOne(app, name, 'bob@example.com')]
    app.clock.advance(seconds - 1)
    assert.equal(await useOf(app, name, early), true, `${name} in its last second`)
    app.clock.advance(1)
    assert.equal(await useOf(app, name, late), false, `${name} expired`)
  }
})

test('Pocket ID CVE-2026-28513, Keycloak CVE-2026-9802 and CVE-2026-37982, Parse Server GHSA-4hf6-3x24-c9m8: a token that is used and nothing else is refused, on the page too (R094, R278)', async () => {
  await using app = await startForManyClients()
  for (const name of ONCE) {
    for (const place of kindOf(name).at) {
      const issued = await issueOne(app, name, `${ONCE.indexOf(name)}.${kindOf(name).at.indexOf(place)}@example.com`)
      assert.equal(await present(app, place, issued, issued.value), true, `${name} at ${place}`)
      for (const again of kindOf(name).at)
        assert.equal(await present(app, again, issued, issued.value), false, `${name} at ${place}, then at ${again}`)
    }
  }
})

test('Pocket ID CVE-2026-28513: a token that is another user’s and nothing else is refused where a user is named (R278)', async () => {
  await using app = await startForManyClients()
  for (const [at, name] of ['reset link', 'login code', 'device', 'recovery code', 'code of an app'].entries()) {
    const [ann, bob] = [await issueOne(app, name, `ann.${at}@example.com`), await issueOne(app, name, `bob.${at}@example.com`)]
    assert.equal(await useOf(app, name, bob, ann.value), false, name)
    assert.equal(await useOf(app, name, bob), true, name)
    assert.equal(await useOf(app, name, ann), true, name)
  }
})

test('Keycloak CVE-2026-9802: a token that was used is used after a restart, and one that was not works (R094)', async () => {
  await using database = await keptDatabase()
  const options = { databaseUrl: database.url }
  const used = new Map<string, Issued>()
  const unused = new Map<string, Issued>()
  await using first = await startForManyClients({}, options)
  for (const name of ONCE) {
    used.set(name, await issueOne(first, name, `used.${ONCE.indexOf(name)}@example.com`))
    unused.set(name, await issueOne(first, name, `unused.${ONCE.indexOf(name)}@example.com`))
    assert.equal(await useOf(first, name, used.get(name) as Issued), true, name)
  }
  const session = await issueOne(first, 'session', 'session@example.com')
  await first.request('DELETE', '/sessions', { session: session.value })
  await first.auth.close()
  await using second = await startForManyClients({}, { ...options, clock: first.clock })
  for (const [name, issued] of used) assert.equal(await useOf(second, name, issued), false, name)
  for (const [name, issued] of unused) assert.equal(await useOf(second, name, issued), true, name)
  assert.equal(await useOf(second, 'session', session), false)
})

test('Parse Server GHSA-4hf6-3x24-c9m8, MISP CVE-2026-107276: of fifty parallel uses of one token one succeeds (R094)', async () => {
  await using app = await startForManyClients()
  for (const [name, issued] of await issueEvery(app, ONCE)) assert.equal(await racingUses(app, name, issued, 50), 1, name)
})
