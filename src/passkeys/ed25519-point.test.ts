import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { isEd25519Point } from './ed25519-point.ts'

const isPoint = (hex: string) => isEd25519Point(Buffer.from(hex, 'hex'))

test('the public keys of RFC 8032 section 7.1, and those that are made here, are points', () => {
  for (const hex of [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    '278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e',
  ])
    assert.equal(isPoint(hex), true, hex)
  for (let key = 0; key < 50; key++) {
    const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
    assert.equal(isEd25519Point(Buffer.from(x ?? '', 'base64url')), true, `${x}`)
  }
})

test('the points of low order are refused in every spelling, those of libsodium’s list', () => {
  for (const hex of [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ]) {
    assert.equal(isPoint(hex), false, hex)
    // With the other sign of x.
    const other = Buffer.from(hex, 'hex')
    other[31] = (other[31] ?? 0) | 0x80
    assert.equal(isEd25519Point(other), false, other.toString('hex'))
  }
})

test('what is beside the curve, beyond the field, or of another length is refused', () => {
  const half = Array.from({ length: 100 }, (_, y) => isEd25519Point(Uint8Array.of(y + 2, ...new Uint8Array(31))))
  // Of all numbers half are the y of a point.
  assert.ok(half.filter(Boolean).length > 30 && half.filter(Boolean).length < 70)
  assert.equal(half[0], false)
  // The base point's y is 4/5.
  assert.equal(isPoint(`58${'66'.repeat(31)}`), true)
  for (const low of ['ef', 'f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7', 'f8', 'f9', 'fa', 'fb', 'fc', 'fd', 'fe', 'ff'])
    assert.equal(isPoint(`${low}${'ff'.repeat(30)}7f`), false, low)
  for (const length of [0, 1, 31, 33, 64]) assert.equal(isEd25519Point(new Uint8Array(length).fill(9)), false)
})
