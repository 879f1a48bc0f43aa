import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_KEYS } from '../../test/cose-key.ts'
import type { Bytes } from '../../test/forge.ts'
import { mutate, seededRandom } from '../../test/mutate.ts'
import { creationOptionsOf, logInAs, requestOptionsOf, storedIn, tryToAdd, tryToLogIn } from '../../test/passkey-attempts.ts'
import { authenticatorOf } from '../../test/second-factors.ts'
import { sessionOf, startTestApp, type TestApp, type TestResponse } from '../../test/test-app.ts'

/** Of each kind. More by FUZZ_RUNS; the same ones again by FUZZ_SEED. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 200)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000)
/** Far more than what is held at any time; a leak of every object would be above it. */
const MOST_GROWTH = 150e6

const bytesIn = (text: string) => Buffer.from(text, 'base64url')
const textOf = (bytes: Bytes) => Buffer.from(bytes).toString('base64url')

/** One refusal, whatever is wrong: its words too. */
function assertRefusal({ status, json, text }: TestResponse, expected: readonly [number, string], what: string): void {
  assert.deepEqual([status, json?.error], expected, `${what}: ${text.slice(0, 300)}`)
  const { request_id: _, ...body } = json
  const known = refusals.get(expected[1]) ?? body
  refusals.set(expected[1], known)
  assert.deepEqual(body, known, what)
}
const refusals = new Map<string, object>()

async function addOfEachKind(app: TestApp) {
  return Promise.all(
    GOOD_KEYS.map(async (key) => {
      const [authenticator, session] = [authenticatorOf(app), await logInAs(app, `${key.toLowerCase()}@example.com`)]
      assert.equal((await tryToAdd(app, session, { key }, authenticator)).status, 200)
      return { key, authenticator }
    }),
  )
}

test(`of ${RUNS} attestation objects with bytes changed each is refused in the same words, or says the same all the same (R161)`, async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED}`)
  await using app = await startTestApp()
  const random = seededRandom(SEED)
  let session = await logInAs(app, 'ann@example.com')
  const options = await creationOptionsOf(app, session)
  const right = await Promise.all(
    GOOD_KEYS.map((key, at) => authenticatorOf(app).create(options, { key, ...(at > 0 && { fmt: 'packed' }) })),
  )
  const before = process.memoryUsage.rss()
  let refused = 0
  for (let run = 0; run < RUNS; run++) {
    const made = right[run % right.length] ?? assert.fail()
    const attestationObject = mutate(bytesIn(made.response.attestationObject), random)
    const { challenge } = await creationOptionsOf(app, session)
    const clientData = { ...JSON.parse(bytesIn(made.response.clientDataJSON).toString()), challenge }
    const clientDataJSON = textOf(Buffer.from(JSON.stringify(clientData)))
    const passkey = { ...made, response: { ...made.response, clientDataJSON, attestationObject: textOf(attestationObject) } }
    const answer = await app.request('POST', '/passkeys', { session, json: { passkey } })
    const what = `run ${run} of FUZZ_SEED=${SEED}: ${textOf(attestationObject)}`
    if (answer.status === 200) {
      // Nobody signs it, so it may have another count, model, statement or key; what makes it ours is there.
      assertIsOurs(attestationObject, made.id, what)
      const [row] = (await storedIn(app)).passkeys
      assert.ok(Buffer.from(attestationObject).includes(row?.public_key ?? 'none'), what)
      session = sessionOf(answer) ?? ''
      await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('passkeys').execute())
    } else {
      refused++
      assertRefusal(answer, [403, 'passkey_refused'], what)
    }
  }
  assert.ok(refused > RUNS / 2, `${refused}`)
  assert.deepEqual((await storedIn(app)).passkeys, [])
  assert.ok(process.memoryUsage.rss() - before < MOST_GROWTH)
})

/** Read without a parser, by where things are. */
function assertIsOurs(object: Bytes, id: string, what: string): void {
  const bytes = Buffer.from(object)
  const start = bytes.indexOf('authData') + 'authData'.length
  const data = bytes.subarray(start + (bytes[start] === 0x59 ? 3 : 2))
  const localhost = '49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763'
  assert.equal(data.subarray(0, 32).toString('hex'), localhost, what)
  // User present, user verified, a credential.
  assert.equal((data[32] ?? 0) & 0b1000101, 0b1000101, what)
  assert.equal(data.readUInt16BE(53), bytesIn(id).length, what)
  assert.equal(data.subarray(55, 55 + bytesIn(id).length).toString('base64url'), id, what)
}

const PARTS = ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle', 'id'] as const

test(`of ${RUNS} assertions with bytes changed none logs in, and each is refused in the same words (R154, R161)`, async () => {
  await using app = await startTestApp()
  const users = await addOfEachKind(app)
  const random = seededRandom(SEED + 1)
  const before = await storedIn(app)
  const rss = process.memoryUsage.rss()
  for (let run = 0; run < RUNS; run++) {
    const { key, authenticator } = users[run % users.length] ?? assert.fail()
    const passkey = await authenticator.get(await requestOptionsOf(app))
    // An ECDSA signature has several spellings, which are as good: it is not changed.
    const parts = key === 'ES256' ? PARTS.filter((one) => one !== 'signature') : PARTS
    const part = parts[Math.floor(random() * parts.length)] ?? 'id'
    const given = part === 'id' ? passkey.id : (passkey.response[part] ?? '')
    const changed = random() < 0.2 ? Buffer.from(mutate(Buffer.from(given), random)).toString() : textOf(mutate(bytesIn(given), random))
    const json =
      part === 'id'
        ? { passkey: { ...passkey, id: changed, rawId: changed } }
        : { passkey: { ...passkey, response: { ...passkey.response, [part]: changed } } }
    const answer = await app.request('POST', '/sessions', { json })
    const what = `run ${run} of FUZZ_SEED=${SEED}: ${key} ${part} ${changed}`
    if (changed === given) assert.equal(answer.status, 200, what)
    else assertRefusal(answer, [401, 'login_refused'], what)
  }
  assert.ok(process.memoryUsage.rss() - rss < MOST_GROWTH)
  const { sessions: _, ...after } = await storedIn(app)
  for (const table of ['handles', 'codes', 'tickets'] as const) assert.deepEqual(after[table], before[table])
  for (const { authenticator } of users) assert.equal((await tryToLogIn(app, authenticator)).status, 200)
})
