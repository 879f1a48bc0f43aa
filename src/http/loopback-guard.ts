import type { Config } from '../config.ts'
import { AuthError } from '../errors.ts'
import { isLoopbackAddress, isLoopbackHost, isLoopbackHostname } from '../loopback.ts'
import type { Ask } from './ask.ts'

/** Headers by which a proxy or a page says where a request came from; each may only name this machine. */
const FORWARDED_LISTS = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip'] as const

/**
 * The posture's own door, before any routing.
 *
 * Classic hands out reset tokens, so it must never answer a stranger, and listening on loopback is not enough: reverse proxies,
 * tunnels and rebound names arrive from 127.0.0.1. Hardened answers for its public host, and for loopback names from a loopback
 * peer, which is how health checks come (CHECKLIST R098).
 *
 * @throws AuthError `host_refused` - a `Host` that is not ours
 * @throws AuthError `loopback_only` - classic: anything that names another machine
 */
export function guardPosture(config: Config, ask: Pick<Ask, 'peer' | 'header'>): void {
  const host = ask.header('host')
  if (config.posture === 'hardened') {
    if (host !== null && normalisedHost(host, config.publicUrl.https) === config.publicUrl.host) return
    if (host !== null && isLoopbackHost(host) && ask.peer !== null && isLoopbackAddress(ask.peer)) return
    throw new AuthError('host_refused', { logged: `host ${host}` })
  }
  if (ask.peer !== null && !isLoopbackAddress(ask.peer)) throw new AuthError('loopback_only', { logged: `peer ${ask.peer}` })
  if (host === null || !isLoopbackHost(host)) throw new AuthError('host_refused', { logged: `host ${host}` })
  // Whoever adds this is a proxy, and says no more about itself than its name.
  if (ask.header('via') !== null) throw new AuthError('loopback_only', { logged: 'via' })
  for (const name of FORWARDED_LISTS) {
    const value = ask.header(name)
    if (value !== null && !value.split(',').every((entry) => isLoopbackHost(entry.trim()) || isLoopbackAddress(entry.trim()))) {
      throw new AuthError('loopback_only', { logged: `${name} ${value}` })
    }
  }
  const forwarded = ask.header('forwarded')
  if (forwarded !== null && !forwardedIsLoopback(forwarded)) throw new AuthError('loopback_only', { logged: `forwarded ${forwarded}` })
  const origin = ask.header('origin')
  // A page that sends no referrer sends `null` with its own forms; the browser vouches that they are its own.
  const isOwnForm = origin === 'null' && ask.header('sec-fetch-site') === 'same-origin'
  if (origin !== null && !isOwnForm && !isLoopbackOrigin(origin)) throw new AuthError('loopback_only', { logged: `origin ${origin}` })
}

/** As a browser writes an origin, and nothing more: a list of them or a path behind one is none. */
function isLoopbackOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.origin === text && isLoopbackHostname(url.hostname)
}

/** RFC 7239: `for=127.0.0.1;host=localhost, for="[::1]:4711"`. Every node and host must be this machine; what cannot be read is not. */
function forwardedIsLoopback(value: string): boolean {
  const pairs = value.split(/[,;]/).map((pair) => pair.trim())
  return pairs.every((pair) => {
    const [name = '', quoted = ''] = pair.split(/=(.*)/s)
    const text = quoted.replace(/^"(.*)"$/s, '$1')
    return name.toLowerCase() === 'proto' ? /^https?$/i.test(text) : isLoopbackHost(text) || isLoopbackAddress(text)
  })
}

/** As the URL parser writes hosts: lower case, without the scheme's own port. */
function normalisedHost(host: string, https: boolean): string {
  return host.toLowerCase().replace(https ? /:443$/ : /:80$/, '')
}
