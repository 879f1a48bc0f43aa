import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { AuthError } from '../errors.ts'
import { parseJsonObject } from '../http/parse-json.ts'
import { authenticationResponse, registrationResponse } from '../passkeys/passkey-json.ts'

/** Our script writes what the browser made of a passkey into a hidden field, as JSON. Read as strictly as a JSON body is. */
function objectIn(text: string): Record<string, unknown> {
  return Object.fromEntries(parseJsonObject(text))
}

const refused = () => new AuthError('passkey_refused', { logged: 'not the JSON of a passkey' })

/** @throws AuthError `passkey_refused`, `body_malformed` */
export function assertionIn(text: string): AuthenticationResponseJSON {
  const read = authenticationResponse.safeParse(objectIn(text))
  if (!read.success) throw refused()
  return read.data
}

/** @throws AuthError `passkey_refused`, `body_malformed` */
export function registrationIn(text: string): RegistrationResponseJSON {
  const read = registrationResponse.safeParse(objectIn(text))
  if (!read.success) throw refused()
  return read.data
}
