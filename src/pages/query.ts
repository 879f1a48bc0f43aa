import type { RouteContext } from '../http/route.ts'

/** A page's parameter; what stands there twice counts once, and what is too long is none of ours. */
export function queryText({ ask }: Pick<RouteContext, 'ask'>, name: string): string | null {
  const start = ask.target.indexOf('?')
  return start === -1 ? null : new URLSearchParams(ask.target.slice(start + 1)).get(name)
}

/** A path with these parameters, without those that are `null`. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | null>>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== null)
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}
