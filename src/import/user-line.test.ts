import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readUserLine, writeUserLine } from './user-line.ts'

const NOW = Date.UTC(2026, 0, 1)

test('a line is a user or names its fault, whatever it holds, and never throws (property)', () => {
  const names = fc.constantFrom('external_id', 'email', 'email_verified', 'password_hash', 'name', 'metadata', 'disabled', 'created_at')
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom('ann@example.com', '2024-01-01T00:00:00Z', 1_700_000_000_000, true))
  const lines = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.dictionary(fc.oneof(names, fc.string()), values).map((fields) => JSON.stringify({ email: 'ann@example.com', ...fields })),
  )
  fc.assert(
    fc.property(lines, (line) => {
      const read = readUserLine(line, NOW)
      assert.ok('user' in read ? read.user.email.address === read.email : read.fault.reason !== '')
    }),
    { numRuns: 300 },
  )
})

test('what is written is read as it was, on one line (property)', () => {
  const text = (maxLength: number) =>
    fc.string({ unit: 'grapheme', minLength: 1, maxLength }).filter((one) => !/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(one))
  const users = fc.record({
    external_id: fc.option(text(50)),
    email: fc.integer({ min: 0 }).map((n) => `User.${n}@Exämple.com`),
    email_verified: fc.boolean(),
    password_hash: fc.option(fc.string({ unit: 'binary' })),
    name: fc.option(text(8)),
    metadata: fc.option(
      fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 1, stringUnit: 'binary-ascii' }), { maxKeys: 5 }),
    ),
    disabled: fc.boolean(),
    created_at: fc.date({ min: new Date(0), max: new Date(NOW), noInvalidDate: true }).map((date) => date.toISOString()),
  })
  fc.assert(
    fc.property(users, (user) => {
      const line = writeUserLine(user)
      assert.doesNotMatch(line, /[\n\r\u2028\u2029]/)
      const read = readUserLine(line, NOW)
      assert.ok('user' in read, JSON.stringify(read))
      assert.deepEqual(
        {
          external_id: read.user.externalId,
          email: read.user.email.address,
          email_verified: read.user.emailVerified,
          password_hash: read.user.passwordHash,
          name: read.user.name,
          metadata: read.user.metadata,
          disabled: read.user.disabled,
          created_at: read.user.createdAt?.toISOString(),
        },
        { ...user, metadata: user.metadata && JSON.stringify(user.metadata) },
      )
    }),
    { numRuns: 100 },
  )
})

test('a key that a line has twice rejects it and is named, in whatever spelling; one in metadata too', () => {
  const faults = [
    '{"email":"ann@example.com","email":"eve@example.com"}',
    String.raw`{"email":"ann@example.com","disabled":true,"d\u0069sabled":false}`,
    '{"email":"ann@example.com","metadata":{"plan":"free","more":{"plan":1},"plan":"paid"},"name":"Ann"}',
  ].map((line) => {
    const read = readUserLine(line, NOW)
    return 'fault' in read && [read.fault.field, read.fault.reason]
  })
  assert.deepEqual(faults, [
    ['email', 'The field "email" is there more than once.'],
    ['disabled', 'The field "disabled" is there more than once.'],
    ['metadata', 'The field "metadata" has a key more than once.'],
  ])
  const metadata = { email: '"email":', list: [{ a: 1 }, { a: 2 }] }
  assert.ok('user' in readUserLine(JSON.stringify({ email: 'ann@example.com', name: 'a:"', metadata }), NOW))
})
