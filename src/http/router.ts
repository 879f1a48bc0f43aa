import type { Method, Route } from './route.ts'

/** The routes of one path, by method, and what its pattern found in it. */
export interface Match {
  readonly routes: ReadonlyMap<string, Route>
  /** The page of this path: what its GET answers to a browser, beside what it answers to programs, if anything. */
  readonly page: Route | null
  readonly params: Readonly<Record<string, string>>
}

/**
 * Find the routes of a path. Paths are compared as they are sent, byte for byte, but for one trailing slash: there is no second spelling of a
 * route that a guard could miss (CHECKLIST R053). A fixed path wins over a pattern.
 */
export function makeRouter(routes: readonly Route[]): (path: string) => Match | null {
  const fixed = new Map<string, Mounted & { params: Record<string, string> }>()
  const patterns = new Map<string, Mounted & { segments: string[] }>()
  for (const route of routes) {
    const { path } = route
    if (path.includes(':')) {
      const known = patterns.get(path) ?? { segments: path.split('/'), routes: new Map(), page: null }
      patterns.set(path, known)
      mount(known, route)
    } else {
      const known = fixed.get(path) ?? { routes: new Map(), page: null, params: {} }
      fixed.set(path, known)
      mount(known, route)
    }
  }
  return (path) => {
    const exact = fixed.get(path)
    if (exact) return exact
    const parts = path.split('/')
    for (const { segments, routes: found, page } of patterns.values()) {
      const params = matchSegments(segments, parts)
      if (params) return { routes: found, page, params }
    }
    return null
  }
}

interface Mounted {
  readonly routes: Map<string, Route>
  page: Route | null
}

/** A page that has its path for itself is its GET, whoever asks. */
function mount(known: Mounted, route: Route): void {
  const isPage = route.isPage === true && route.method === 'GET'
  if (isPage) known.page = route
  if (!isPage || !known.routes.has('GET')) known.routes.set(route.method, route)
}

function matchSegments(segments: readonly string[], parts: readonly string[]): Record<string, string> | null {
  if (segments.length !== parts.length) return null
  const params: Record<string, string> = {}
  for (const [at, segment] of segments.entries()) {
    const part = parts[at] ?? ''
    if (segment.startsWith(':')) params[segment.slice(1)] = part
    if (segment.startsWith(':') ? part === '' : part !== segment) return null
  }
  return params
}

/** What `Allow` says of a path. */
export function allowedMethods(routes: ReadonlyMap<string, Route>): string {
  const methods = [...routes.keys()] as (Method | 'HEAD' | 'OPTIONS')[]
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
}

/** The path below the public URL's prefix, without one trailing slash and without the query; `null` for a path that is not below it. */
export function pathBelow(prefix: string, target: string): string | null {
  const query = target.indexOf('?')
  const end = query === -1 ? target.length : query
  if (!target.startsWith(prefix) || (prefix.length < end && target[prefix.length] !== '/')) return null
  const until = target[end - 1] === '/' && end - prefix.length > 1 ? end - 1 : end
  return prefix.length >= until ? '/' : target.slice(prefix.length, until)
}
