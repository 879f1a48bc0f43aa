import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeKeyring } from '../crypto/keyring.ts'
import { eventId, firstIdAt, onlyEventId } from './event-id.ts'
import { canonicalEvent, isSignedHead, readHeads, type SealedFields, signHead } from './event-seal.ts'

const text = fc.string({ unit: 'binary', maxLength: 12 })
const maybe = fc.option(text, { nil: null })
const fields: fc.Arbitrary<SealedFields> = fc.record({
  id: text,
  at: fc.integer(),
  name: text,
  outcome: text,
  actor: text,
  subject: maybe,
  session_id: maybe,
  request_id: maybe,
  factors: maybe,
  reason: maybe,
  detail: maybe,
  key_version: text,
  origin_digest: maybe,
})
const NAMES = Object.keys(fc.sample(fields, 1)[0] ?? {}) as (keyof SealedFields)[]

test('two different events never have the same text', () => {
  fc.assert(
    fc.property(fields, fields, (one, other) => {
      const same = NAMES.every((name) => one[name] === other[name])
      assert.equal(canonicalEvent(one) === canonicalEvent(other), same)
    }),
  )
  // Text that moves from one field to the next, or looks like the end of one, is another event still.
  fc.assert(
    fc.property(fields, fc.constantFrom('"', ',', '","', 'null', '\\', '\n'), fc.nat(6), (event, piece, at) => {
      const names = ['subject', 'session_id', 'request_id', 'factors', 'reason', 'detail', 'origin_digest'] as const
      const [from, to] = [names[at] ?? 'subject', names[(at + 1) % names.length] ?? 'detail']
      const [a, b] = [
        { ...event, [from]: `x${piece}`, [to]: 'y' },
        { ...event, [from]: 'x', [to]: `${piece}y` },
      ]
      assert.notEqual(canonicalEvent(a), canonicalEvent(b))
      assert.notEqual(canonicalEvent({ ...event, [from]: null }), canonicalEvent({ ...event, [from]: 'null' }))
    }),
  )
})

test('a head is signed for one purpose and by one secret', () => {
  const keys = makeKeyring([{ version: 'v1', bytes: new Uint8Array(32).fill(1) }])
  const other = makeKeyring([{ version: 'v1', bytes: new Uint8Array(32).fill(2) }])
  const head = signHead(keys, 'head', { seq: 7, link: 'abc', at: 1 })
  assert.equal(isSignedHead(keys, 'head', head), true)
  assert.equal(isSignedHead(keys, 'cut', head), false)
  assert.equal(isSignedHead(other, 'head', head), false)
  for (const change of [{ seq: 8 }, { link: 'abd' }, { at: 2 }, { key_version: 'v2' }]) {
    assert.equal(isSignedHead(keys, 'head', { ...head, ...change }), false)
  }
  const log = `{"event":"request"}\nnot JSON "signature"\n${JSON.stringify({ level: 'info', event: 'audit_head', ...head })}\n`
  assert.deepEqual(readHeads(log), [head])
})

test('ids are UUIDs of version 7, and their order is that of time', () => {
  const bytes = new Uint8Array(8).fill(255)
  const ids = [1_000, 1_000, 1_000, 1_001].map((at) => eventId(at, bytes))
  for (const id of [...ids, firstIdAt(5), onlyEventId(5, bytes)])
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(ids.toSorted(), ids)
  assert.ok(firstIdAt(1_001) > (ids[2] ?? '') && firstIdAt(1_001) <= (ids[3] ?? ''))
  assert.equal(onlyEventId(5, bytes), onlyEventId(5, bytes))
})
