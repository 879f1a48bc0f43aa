import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import { SERVICE } from '../audit/audit-event.ts'
import { recordFailure } from '../audit/record.ts'
import { sameBytes } from '../crypto/same-bytes.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { CHALLENGE_SECONDS, makeChallenge, useChallenge } from './challenge.ts'
import { bytesOf, readClientData } from './client-data.ts'
import { findHandle, findPasskey, listPasskeysOf, notePasskeyUse, type StoredPasskey } from './passkey-store.ts'
import { descriptorOf } from './register-passkey.ts'

type AuthenticateDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config' | 'log'>

/** Who must prove it: anybody (the passkey says whose it is), or this user, in this login or session. */
export type Asked = { readonly boundTo: 'login'; readonly userId: null } | { readonly boundTo: string; readonly userId: string }

/** What `navigator.credentials.get` is asked for. The authenticator makes sure of its user, always: so a passkey is two factors in one (CHECKLIST R153). */
export async function passkeyRequestOptions(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'config'>,
  { boundTo, userId }: Asked,
) {
  const known = userId === null ? [] : await listPasskeysOf(deps.database.reads, userId)
  return {
    challenge: makeChallenge(deps, { kind: 'get', boundTo }),
    rpId: deps.config.publicUrl.hostname,
    timeout: CHALLENGE_SECONDS * 1_000,
    userVerification: 'required' as const,
    allowCredentials: known.map(descriptorOf),
  }
}

/** A passkey that was verified, to be noted in the transaction that it is the proof for. False there: it was removed, or used with a later count, meanwhile. */
export interface ProvenPasskey {
  readonly userId: string
  readonly consume: (tx: Db) => Promise<boolean>
}

/**
 * Is this assertion right, for what was asked (WebAuthn Level 3 section 7.2; CHECKLIST R148-R156, R159)? The challenge is used up by the first try, right or wrong; nothing else
 * changes before `consume`.
 *
 * @returns a string: why not, for the log; callers tell nobody
 */
export async function checkPasskey(
  deps: AuthenticateDeps,
  response: AuthenticationResponseJSON,
  asked: Asked,
): Promise<ProvenPasskey | string> {
  const { config } = deps
  const clientData = readClientData(config, response.response.clientDataJSON, 'webauthn.get')
  const isFresh = await useChallenge(deps, clientData.challenge, { kind: 'get', boundTo: asked.boundTo })
  if (clientData.wrong !== null) return clientData.wrong
  if (!isFresh) return 'challenge is unknown, used or expired'
  const credentialId = bytesOf(response.id)
  const passkey = credentialId && (await findPasskey(deps.database.reads, credentialId))
  if (!passkey) return 'unknown credential'
  const stranger = await isStrangers(deps, passkey, response.response.userHandle, asked)
  if (stranger !== null) return stranger
  const verified = await verifyAssertion(deps, passkey, response, clientData.challenge)
  if (typeof verified === 'string') return verified
  const { signCount } = verified
  if ((signCount > 0 || passkey.signCount > 0) && signCount <= passkey.signCount) {
    deps.log.warn({ event: 'passkey_clone_suspected', user: passkey.userId, passkey: passkey.id })
    await recordFailure(deps, {
      ...SERVICE,
      name: 'passkey_clone_suspected',
      outcome: 'failure',
      subject: passkey.userId,
      detail: `passkey=${passkey.id}`,
    })
    return 'sign count did not rise'
  }
  const use = { id: passkey.id, signCount, isBackedUp: verified.isBackedUp, at: new Date(deps.clock.now()) }
  return { userId: passkey.userId, consume: (tx) => notePasskeyUse(tx, use) }
}

/** It must be the passkey of the user who is asked; where nobody was named, the handle says who it is, and must be its owner's (CHECKLIST R156). `null`: it is theirs. */
async function isStrangers(
  deps: Pick<Deps, 'database'>,
  passkey: StoredPasskey,
  userHandle: string | undefined,
  { userId }: Asked,
): Promise<string | null> {
  if (userId !== null && passkey.userId !== userId) return 'another user’s passkey'
  if (userHandle === undefined || userHandle === '') return userId === null ? 'no user handle' : null
  const [handle, given] = [await findHandle(deps.database.reads, passkey.userId), bytesOf(userHandle)]
  return handle && given && sameBytes(handle, given) ? null : 'another user’s handle'
}

async function verifyAssertion(
  { config, log }: Pick<Deps, 'config' | 'log'>,
  passkey: StoredPasskey,
  response: AuthenticationResponseJSON,
  challenge: string,
): Promise<{ readonly signCount: number; readonly isBackedUp: boolean } | string> {
  // The library would read past what is no base64url.
  if (!bytesOf(response.response.authenticatorData) || !bytesOf(response.response.signature)) return 'not base64url'
  try {
    const { verifyAuthenticationResponse } = await import('@simplewebauthn/server')
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: config.publicUrl.origin,
      expectedRPID: config.publicUrl.hostname,
      requireUserVerification: true,
      // The counter is judged above, once the signature is known to be right.
      credential: { id: response.id, publicKey: Uint8Array.from(passkey.publicKey), counter: 0 },
    })
    if (!verified) return 'signature'
    if ((authenticationInfo.credentialDeviceType === 'multiDevice') !== passkey.isBackupEligible) return 'backup eligibility changed'
    return { signCount: authenticationInfo.newCounter, isBackedUp: authenticationInfo.credentialBackedUp }
  } catch (error) {
    // Whatever cannot be parsed or verified is refused (CHECKLIST R154, R161); the library throws plain errors for all of it.
    log.debug({ event: 'passkey_unverifiable', err: error })
    return 'unverifiable'
  }
}
