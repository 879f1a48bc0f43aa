import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'

/** Bytes as browsers send them. What they are is judged by the verification, so that whatever is wrong gets one refusal; here is only their form. */
const bytes = z.string({ error: 'it is not the JSON of a passkey' }).max(60_000)

type Transport = NonNullable<RegistrationResponseJSON['response']['transports']>[number]

/** Ways to reach an authenticator (WebAuthn Level 3 section 5.8.4); what else a client says of it is not kept. */
const TRANSPORTS: readonly string[] = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] satisfies Transport[]

const isTransport = (text: string): text is Transport => TRANSPORTS.includes(text)

const common = { id: bytes, rawId: bytes, type: z.literal('public-key', { error: 'it is not the JSON of a passkey' }) }
const NOT_JSON = { error: 'it must be the object that the browser’s credential.toJSON() gives' }

/** Extensions are not asked for, so what they say is not looked at (CHECKLIST R162). */
const withoutExtensions = <T extends object>(credential: T) => ({ ...credential, clientExtensionResults: {} })

/** What `navigator.credentials.create` gives, as `toJSON()` writes it (WebAuthn Level 3 section 5.1.8.1). */
export const registrationResponse = z
  .object(
    {
      ...common,
      response: z.object({ clientDataJSON: bytes, attestationObject: bytes, transports: z.array(z.string()).max(16).optional() }, NOT_JSON),
    },
    NOT_JSON,
  )
  .transform((credential) => {
    const { transports = [], ...response } = credential.response
    return withoutExtensions({ ...credential, response: { ...response, transports: transports.filter(isTransport) } })
  })

/** What `navigator.credentials.get` gives. */
export const authenticationResponse = z
  .object(
    {
      ...common,
      response: z.object({ clientDataJSON: bytes, authenticatorData: bytes, signature: bytes, userHandle: bytes.nullish() }, NOT_JSON),
    },
    NOT_JSON,
  )
  .transform((credential) => {
    const { userHandle, ...response } = credential.response
    return withoutExtensions({ ...credential, response: { ...response, ...(typeof userHandle === 'string' && { userHandle }) } })
  })

const descriptor = z.strictObject({ type: z.literal('public-key'), id: z.string(), transports: z.array(z.string()) })

/** For documentation: hand it to `PublicKeyCredential.parseCreationOptionsFromJSON`. */
export const creationOptions = z.strictObject({
  challenge: z.string(),
  rp: z.strictObject({ name: z.string(), id: z.string() }),
  user: z.strictObject({ id: z.string(), name: z.string(), displayName: z.string() }),
  pubKeyCredParams: z.array(z.strictObject({ type: z.literal('public-key'), alg: z.int() })),
  timeout: z.int(),
  attestation: z.literal('none'),
  excludeCredentials: z.array(descriptor),
  authenticatorSelection: z.strictObject({
    residentKey: z.literal('required'),
    requireResidentKey: z.boolean(),
    userVerification: z.literal('required'),
  }),
  extensions: z.strictObject({ credProps: z.boolean() }),
})

/** The same for `parseRequestOptionsFromJSON`. */
export const requestOptions = z.strictObject({
  challenge: z.string(),
  rpId: z.string(),
  timeout: z.int(),
  userVerification: z.literal('required'),
  allowCredentials: z.array(descriptor),
})
