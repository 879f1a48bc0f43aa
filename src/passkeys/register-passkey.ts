import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { sameBytes } from '../crypto/same-bytes.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type ClaimedRight, type FactorRight, factorAdded, findFactors, holdFactors } from '../factors/factors.ts'
import { makeRecoveryCodes, storeRecoveryCodes } from '../recovery-codes/recovery-code.ts'
import { CHALLENGE_SECONDS, makeChallenge, useChallenge } from './challenge.ts'
import { bytesOf, readClientData } from './client-data.ts'
import { ALGORITHMS, isUsableKey } from './credential-key.ts'
import { parsePasskeyName } from './passkey.ts'
import { insertPasskey, listPasskeysOf, putHandle, type StoredPasskey } from './passkey-store.ts'

type RegisterDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'log'>

/** More than anybody has devices; enough that a list stays one that a person can read. */
export const MAX_PASSKEYS_PER_USER = 20
/** WebAuthn Level 3 section 14.6.1 (CHECKLIST R158): nothing of the user is in it. */
const HANDLE_BYTES = 64
/** WebAuthn Level 3 section 7.1, the step on the credential id's length (CHECKLIST R157). */
const MAX_CREDENTIAL_ID_BYTES = 1_023
/** In authenticator data, without the credential id before it: the rp id's hash, flags, count, AAGUID and the id's length (section 6.5.1). */
const KEY_OFFSET = 32 + 1 + 4 + 16 + 2

/**
 * What `navigator.credentials.create` is asked for: a passkey that is found without an address being typed, and that makes sure of its user (CHECKLIST R148, R153, R157,
 * R158, R160).
 */
export async function passkeyCreationOptions(deps: RegisterDeps, { user, boundTo }: Pick<FactorRight, 'user' | 'boundTo'>) {
  const { config } = deps
  const handle = await deps.database.inTransaction((tx) => putHandle(tx, user.id, deps.random.bytes(HANDLE_BYTES)))
  const known = await listPasskeysOf(deps.database.reads, user.id)
  return {
    challenge: makeChallenge(deps, { kind: 'create', boundTo }),
    rp: { name: config.name, id: config.publicUrl.hostname },
    user: { id: Buffer.from(handle).toString('base64url'), name: user.email, displayName: user.name ?? user.email },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key' as const, alg })),
    timeout: CHALLENGE_SECONDS * 1_000,
    attestation: 'none' as const,
    excludeCredentials: known.map(descriptorOf),
    authenticatorSelection: { residentKey: 'required' as const, requireResidentKey: true, userVerification: 'required' as const },
    extensions: { credProps: true },
  }
}

export function descriptorOf({ credentialId, transports }: StoredPasskey) {
  return { type: 'public-key' as const, id: Buffer.from(credentialId).toString('base64url'), transports }
}

/**
 * Add the passkey that a browser made, in one transaction with whatever the right to it is used up by. A credential that anybody has already is refused, and stays theirs
 * (CHECKLIST R157). Where there are no recovery codes, ten are stored with it.
 *
 * @returns the codes, to be shown this once; `null`: there were some
 * @throws AuthError `passkey_refused` - whatever is wrong with it: callers cannot tell what
 * @throws AuthError `too_many_passkeys`, `field_invalid` (name), `busy`
 * @throws AuthError `session_required`, `ticket_invalid` - ended meanwhile
 */
export async function addPasskey(
  deps: RegisterDeps & Pick<Deps, 'hashQueue'>,
  right: FactorRight,
  input: { readonly response: RegistrationResponseJSON; readonly name: unknown },
): Promise<{ readonly id: string; readonly claimed: ClaimedRight; readonly recoveryCodes: readonly string[] | null }> {
  const { user, boundTo } = right
  const name = parsePasskeyName(input.name)
  const made = await verifyRegistration(deps, input.response, boundTo)
  if (typeof made === 'string') throw new AuthError('passkey_refused', { logged: made })
  // Not before the passkey is known to be right: a refused one costs no hashes.
  const before = await findFactors(deps.database.reads, user.id)
  const codes = before.recoveryCodes === 0 ? await makeRecoveryCodes(deps) : null
  const id = deps.random.uuid()
  const createdAt = new Date(deps.clock.now())
  const { claimed, stored } = await deps.database.inTransaction(async (tx) => {
    await holdFactors(tx, user.id)
    const factors = await findFactors(tx, user.id)
    if (factors.passkeys >= MAX_PASSKEYS_PER_USER) throw new AuthError('too_many_passkeys')
    const way = await right.claim(tx, 'pop')
    if (!(await insertPasskey(tx, { ...made, id, userId: user.id, name, createdAt })))
      throw new AuthError('passkey_refused', { logged: 'credential is taken' })
    // Another factor that was added meanwhile has brought some, which its owner was shown: those stay.
    const isFirst = codes !== null && factors.recoveryCodes === 0
    if (isFirst) await storeRecoveryCodes(deps, tx, user.id, codes)
    await factorAdded(deps, tx, { user, factor: 'passkey', by: right.by })
    return { claimed: way, stored: isFirst ? codes.codes : null }
  })
  return { id, claimed, recoveryCodes: stored }
}

type MadeCredential = Pick<StoredPasskey, 'credentialId' | 'publicKey' | 'signCount' | 'isBackupEligible' | 'isBackedUp' | 'transports'>

/** WebAuthn Level 3 section 7.1. @returns a string: why it is refused, for the log */
async function verifyRegistration(
  deps: RegisterDeps,
  response: RegistrationResponseJSON,
  boundTo: string,
): Promise<MadeCredential | string> {
  const { config } = deps
  const clientData = readClientData(config, response.response.clientDataJSON, 'webauthn.create')
  const isFresh = await useChallenge(deps, clientData.challenge, { kind: 'create', boundTo })
  if (clientData.wrong !== null) return clientData.wrong
  if (!isFresh) return 'challenge is unknown, used or expired'
  const credentialId = bytesOf(response.id)
  if (!credentialId || credentialId.length > MAX_CREDENTIAL_ID_BYTES) return 'credential id'
  try {
    const { verifyRegistrationResponse } = await import('@simplewebauthn/server')
    const authData = await readAttestation(response.response.attestationObject)
    if (authData === null) return 'attestation object'
    const attestationObject = await withoutAttestation(authData)
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: { ...response, response: { ...response.response, attestationObject } },
      expectedChallenge: clientData.challenge,
      expectedOrigin: config.publicUrl.origin,
      expectedRPID: config.publicUrl.hostname,
      requireUserVerification: true,
      supportedAlgorithmIDs: [...ALGORITHMS],
    })
    if (!verified || !registrationInfo) return 'not verified'
    const { credential, credentialDeviceType, credentialBackedUp } = registrationInfo
    if (credential.id !== response.id) return 'another credential id in the authenticator data'
    // The library gives the key as it would have been written.
    const keyAt = KEY_OFFSET + credentialId.length
    if (!sameBytes(authData.subarray(keyAt, keyAt + credential.publicKey.length), credential.publicKey)) return 'key in another spelling'
    const { decodeCredentialPublicKey } = await import('@simplewebauthn/server/helpers')
    if (!isUsableKey(decodeCredentialPublicKey(credential.publicKey))) return 'unusable key'
    return {
      credentialId,
      publicKey: credential.publicKey,
      signCount: credential.counter,
      isBackupEligible: credentialDeviceType === 'multiDevice',
      isBackedUp: credentialBackedUp,
      transports: response.response.transports ?? [],
    }
  } catch (error) {
    // Whatever cannot be parsed or verified is refused (CHECKLIST R154, R161); the library throws plain errors for all of it.
    deps.log.debug({ event: 'passkey_unverifiable', err: error })
    return 'unverifiable'
  }
}

/**
 * We ask for no attestation, so what comes of one is ignored, in whatever format (CHECKLIST R160): nothing of it is parsed, and no certificate in it makes us fetch anything.
 * The object is read strictly: these three members, each of its type, written in the one way that it has, and no byte behind it (R161).
 *
 * @returns the authenticator data; `null`: it is no such object
 */
async function readAttestation(encoded: string): Promise<Uint8Array | null> {
  const { isoCBOR } = await import('@simplewebauthn/server/helpers')
  const bytes = bytesOf(encoded)
  if (!bytes) return null
  const object = isoCBOR.decodeFirst<Map<string, string | Uint8Array | Map<string, string>>>(Uint8Array.from(bytes))
  // Written again it has the same bytes, unless some were left over, a string was shorter than it says, or a length longer than it need be.
  if (!(object instanceof Map) || object.size !== 3 || !sameBytes(isoCBOR.encode(object), bytes)) return null
  const [fmt, statement, authData] = [object.get('fmt'), object.get('attStmt'), object.get('authData')]
  if (typeof fmt !== 'string' || !(statement instanceof Map) || !(authData instanceof Uint8Array)) return null
  return authData
}

async function withoutAttestation(authData: Uint8Array): Promise<string> {
  const { isoCBOR } = await import('@simplewebauthn/server/helpers')
  const bare = new Map<string, string | Uint8Array | Map<string, string>>([
    ['fmt', 'none'],
    ['attStmt', new Map<string, string>()],
    ['authData', authData],
  ])
  return Buffer.from(isoCBOR.encode(bare)).toString('base64url')
}
