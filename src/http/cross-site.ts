import type { Config } from '../config.ts'
import { AuthError } from '../errors.ts'
import type { Ask } from './ask.ts'

/**
 * Refuse an unsafe request that a page on another site made the browser send (CHECKLIST R083-R085, R087), before its body is read.
 *
 * First the list: an `Origin` on it passes. Then Fetch Metadata: only `same-origin` and `none` (typed by the user) pass.
 * Without it, an old browser's `Origin` must be the public one, to the letter. With neither it is no browser, and it passes:
 * no current browser omits both (D9 of the checklist).
 *
 * @throws AuthError `cross_site_refused`
 */
export function guardCrossSite(config: Config, ask: Pick<Ask, 'peer' | 'header'>): void {
  const origin = ask.header('origin')
  if (origin !== null && config.allowedOrigins.has(origin)) return
  const site = ask.header('sec-fetch-site')
  if (site !== null) {
    if (site === 'same-origin' || site === 'none') return
    throw new AuthError('cross_site_refused', { logged: `sec-fetch-site ${site}, origin ${origin}` })
  }
  if (origin !== null && origin !== config.publicUrl.origin) throw new AuthError('cross_site_refused', { logged: `origin ${origin}` })
}
