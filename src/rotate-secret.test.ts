import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused } from '../test/refusals.ts'
import { systemRandom as random } from './crypto/random.ts'
import { rotateSecret, secretText } from './rotate-secret.ts'
import { parseSecret } from './setting-parsers.ts'

const ONE = 'v1:0bLk4Qw8zN2cXv6TgYh1RmJdPs5FaEiUo7KqVtWyGxBzHnCe'
const V1 = parseSecret(ONE)
const namesOf = (versions: readonly { readonly version: string }[]) => versions.map(({ version }) => version).join()

test('a rotation puts a fresh version before the others, and leaves those as they were', () => {
  const { versions, step, version } = rotateSecret(V1, { random, names: ['v1'], stage: false })
  assert.deepEqual([step, version, namesOf(versions)], ['added', 'v2', 'v2,v1'])
  const text = secretText(versions)
  assert.match(text, /^v2:[A-Za-z0-9_-]{64},v1:0bLk4/)
  assert.deepEqual(parseSecret(text), versions)
  assert.notEqual(secretText(rotateSecret(V1, { random, names: [], stage: false }).versions), text)
})

test('in two steps a version is first known, then in use; one is staged at a time', () => {
  const staged = rotateSecret(V1, { random, names: ['v1'], stage: true })
  assert.deepEqual([staged.step, namesOf(staged.versions)], ['staged', 'v1,v2'])
  assert.throws(() => rotateSecret(staged.versions, { random, names: ['v1'], stage: true }), refused('configuration_invalid'))
  const promoted = rotateSecret(staged.versions, { random, names: ['v1', 'v2'], stage: false })
  assert.deepEqual([promoted.step, namesOf(promoted.versions)], ['promoted', 'v2,v1'])
  assert.deepEqual(new Set(promoted.versions), new Set(staged.versions))
  assert.equal(namesOf(rotateSecret(promoted.versions, { random, names: [], stage: true }).versions), 'v2,v1,v3')
})

test('a name is never used again, also where its version was removed long ago', () => {
  assert.equal(rotateSecret(V1, { random, names: ['v1', 'v12', 'v9'], stage: false }).version, 'v13')
  assert.equal(rotateSecret([], { random, names: ['v4'], stage: false }).version, 'v5')
})

test('the first version of all is in use at once', () => {
  for (const stage of [false, true]) {
    const { step, versions } = rotateSecret([], { random, names: [], stage })
    assert.deepEqual([step, namesOf(versions)], ['added', 'v1'])
  }
})

test('a bare secret is version v1', () => {
  const { versions } = rotateSecret(parseSecret(ONE.slice(3)), { random, names: [], stage: false })
  assert.ok(secretText(versions).endsWith(`,${ONE}`))
})
