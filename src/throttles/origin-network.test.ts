import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalAddress } from '../http/client-ip.ts'
import { networkOf } from './origin-network.ts'

test('IPv4 is counted by the address, IPv6 by its /64 (R042)', () => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1::7', '2001:db8:1:0::/64'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ] as const) {
    assert.equal(networkOf(address), network)
  }
})

test('however an address is spelled, it is counted in one bucket (R043)', () => {
  const spellings = ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1', '2001:db8:0::0:1', '[2001:db8::1]', '2001:db8::1%eth0']
  assert.deepEqual(new Set(spellings.map((spelling) => networkOf(canonicalAddress(spelling) ?? ''))).size, 1)
  assert.equal(networkOf(canonicalAddress('::ffff:192.0.2.1') ?? ''), '192.0.2.1')
})

test('every address of a /64 is in its bucket, and no other', () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16))
  const half = fc.tuple(group, group, group, group).map((groups) => groups.join(':'))
  const bucketOf = (address: string) => networkOf(canonicalAddress(address) ?? '')
  fc.assert(
    fc.property(half, half, half, half, (network, other, one, two) => {
      // Canonicalised, ::ffff:0:0/96 is IPv4 and counted so.
      fc.pre([network, other].every((left) => !left.startsWith('0:0:0:0')))
      assert.equal(bucketOf(`${network}:${one}`), bucketOf(`${network}:${two}`))
      assert.equal(bucketOf(`${network}:${one}`) === bucketOf(`${other}:${one}`), network === other)
    }),
  )
})
