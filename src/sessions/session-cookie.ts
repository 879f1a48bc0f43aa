import type { Config } from '../config.ts'
import { readCookie } from '../http/cookie.ts'

/** The contract's name. On https it carries the prefix that binds it to this host, `Secure` and `Path=/` (RFC 6265bis section 4.1.3.2, CHECKLIST R077). */
const NAME = 'session_id'

export interface SessionCookie {
  readonly name: string
  /** The one name is the only one accepted (D10 of the checklist). */
  read(cookieHeader: string | null): string | null
  /** `Set-Cookie` with a new token. The server's row ends the session, whatever the browser makes of Max-Age. */
  set(token: string): string
  /** `Set-Cookie` that removes it, with identical attributes. */
  clear(): string
}

/** The one place where the session cookie is read and written. */
export function makeSessionCookie(config: Config): SessionCookie {
  const hardened = config.publicUrl.https && config.posture === 'hardened'
  const name = hardened ? `__Host-${NAME}` : NAME
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${config.publicUrl.https ? '; Secure' : ''}`
  return {
    name,
    read: (header) => readCookie(header, name),
    set: (token) => `${name}=${token}${attributes}; Max-Age=${config.session.absoluteSeconds}`,
    clear: () => `${name}=${attributes}; Max-Age=0`,
  }
}
