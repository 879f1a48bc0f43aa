import { keyedDigest } from '../crypto/keyring.ts'
import { hashOpaqueToken, makeOpaqueToken } from '../crypto/opaque-token.ts'
import { sameText } from '../crypto/same-bytes.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { readCookie } from '../http/cookie.ts'
import type { RouteContext } from '../http/route.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'

/**
 * The token that every form of our pages carries (signed double submit; OWASP Cross-Site Request Forgery Prevention, CHECKLIST R086): an HMAC over a
 * random id in a cookie of its own and over the session, so that it is another one after a login. It never stands in a URL.
 */
export interface FormTokens {
  /** For a page: the token of its forms, and the cookie to set where there is none yet. */
  issue(c: Pick<RouteContext, 'ask'>): { readonly token: string; readonly headers: Record<string, string> }
  /** @throws AuthError `cross_site_refused` */
  require(c: Pick<RouteContext, 'ask'>, token: string): void
}

const NAME = 'form_id'

export function makeFormTokens(deps: Pick<Deps, 'config' | 'keys' | 'random'>, session: SessionCookie): FormTokens {
  const { https } = deps.config.publicUrl
  const name = https && deps.config.posture === 'hardened' ? `__Host-${NAME}` : NAME
  const readId = (c: Pick<RouteContext, 'ask'>) => {
    const id = readCookie(c.ask.header('cookie'), name)
    return hashOpaqueToken(id) === null ? null : id
  }
  const tokenOf = (c: Pick<RouteContext, 'ask'>, id: string) =>
    keyedDigest(deps.keys, 'form', `${id} ${session.read(c.ask.header('cookie')) ?? ''}`)
  return {
    issue(c) {
      const known = readId(c)
      if (known !== null) return { token: tokenOf(c, known), headers: {} }
      const id = makeOpaqueToken(deps.random).token
      const cookie = `${name}=${id}; Path=/; HttpOnly; SameSite=Lax${https ? '; Secure' : ''}`
      return { token: tokenOf(c, id), headers: { 'set-cookie': cookie } }
    },
    require(c, token) {
      const id = readId(c)
      if (id === null || !sameText(tokenOf(c, id), token))
        throw new AuthError('cross_site_refused', { logged: 'form token', sentence: 'This form is too old. Open the page again.' })
    },
  }
}
