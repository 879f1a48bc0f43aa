import { BlockList, isIP } from 'node:net'

/** Names and addresses of this machine: what the classic posture may be reached by (docs/postures.md). */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6')

/** Is this IP address, as a socket names it, on this machine? */
export function isLoopbackAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '')
  const family = isIP(bare)
  return family !== 0 && loopback.check(bare, family === 4 ? 'ipv4' : 'ipv6')
}

/** `localhost`, `127.0.0.0/8`, `[::1]`, and `0.0.0.0`, by which browsers and tools reach this machine too. */
export function isLoopbackHostname(hostname: string): boolean {
  const name = hostname.toLowerCase()
  if (name === 'localhost' || name === '0.0.0.0') return true
  return isLoopbackAddress(name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name)
}

/** The same with an optional port, as in a `Host` header. Anything that is not just a host and a port is not loopback. */
export function isLoopbackHost(host: string): boolean {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(host)
  return match?.[1] !== undefined && isLoopbackHostname(match[1])
}
