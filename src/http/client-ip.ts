import { BlockList, isIP, SocketAddress } from 'node:net'

/**
 * The client's address behind trusted proxies: walking `X-Forwarded-For` from the right, the first address that is no trusted proxy
 * (CHECKLIST R044). Whoever is not a trusted proxy cannot say who they are: their header is not read.
 */
export function makeClientAddress(trustedProxies: readonly string[]): (peer: string | null, forwardedFor: string | null) => string | null {
  const trusted = new BlockList()
  for (const network of trustedProxies) {
    const [address = '', bits = ''] = network.split('/')
    trusted.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

  return (peer, forwardedFor) => {
    const socket = peer === null ? null : canonicalAddress(peer)
    if (trustedProxies.length === 0 || socket === null || forwardedFor === null || !isTrusted(socket)) return socket
    let client = socket
    for (const entry of forwardedFor.split(',').reverse()) {
      const address = canonicalAddress(withoutPort(entry.trim()))
      // Something that is no address: what stands left of it was written by nobody we trust.
      if (address === null) return client
      client = address
      if (!isTrusted(address)) return client
    }
    return client
  }
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  return entry.replace(/^(\[.*\]|\d+\.\d+\.\d+\.\d+):\d{1,5}$/, '$1')
}

/** One spelling for one address: no zone, no `::ffff:`, compressed, lower case (CHECKLIST R043); `null` for what is no address. */
export function canonicalAddress(text: string): string | null {
  if (isIP(text) === 4) return text
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  if (isIP(bare) !== 6) return isIP(bare) === 4 ? bare : null
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' })
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? address
}
