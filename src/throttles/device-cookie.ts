import type { Config } from '../config.ts'
import { readCookie } from '../http/cookie.ts'
import { DEVICE_SECONDS } from './limits.ts'

/** Beside the session's, under the same rules (sessions/session-cookie.ts). */
const NAME = 'device_id'

export interface DeviceCookie {
  readonly name: string
  read(cookieHeader: string | null): string | null
  /** `Set-Cookie` with a new token; it stands behind the session's. */
  set(token: string): string
  /** `Set-Cookie` that removes it. */
  clear(): string
}

/** The one place where the device cookie is read and written. Logging out leaves it: the browser is known all the same. */
export function makeDeviceCookie(config: Config): DeviceCookie {
  const name = config.publicUrl.https && config.posture === 'hardened' ? `__Host-${NAME}` : NAME
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${config.publicUrl.https ? '; Secure' : ''}`
  return {
    name,
    read: (header) => readCookie(header, name),
    set: (token) => `${name}=${token}${attributes}; Max-Age=${DEVICE_SECONDS}`,
    clear: () => `${name}=${attributes}; Max-Age=0`,
  }
}
