import { isIP } from 'node:net'

/**
 * What an address of origin is counted by: an IPv4 address by itself, an IPv6 address by its /64, which one customer has to themselves (CHECKLIST R042, R043). It takes
 * addresses in their canonical form, as http/client-ip.ts makes them.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [left = '', right] = address.split('::')
  const groups = left === '' ? [] : left.split(':')
  if (right !== undefined) {
    const behind = right === '' ? [] : right.split(':')
    // An IPv4 address at the end stands for two groups.
    const filled = groups.length + behind.length + (right.includes('.') ? 1 : 0)
    groups.push(...Array.from({ length: 8 - filled }, () => '0'), ...behind)
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
