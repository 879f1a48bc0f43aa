import { type Keyring, keyedDigest } from '../crypto/keyring.ts'
import { AUTHENTICATORS, type Authenticator } from './limits.ts'
import { networkOf } from './origin-network.ts'

/** Whose authenticator is tried: a user's, or that of an address that nobody has. */
export type Account = { readonly userId: string } | { readonly canonicalAddress: string }

/**
 * The name under which an account is counted: a user's id, whatever address led to it (CHECKLIST R038), or a digest, so that the database does not tell which addresses
 * strangers have tried.
 */
export function accountName(keys: Keyring, account: Account): string {
  return 'userId' in account ? account.userId : keyedDigest(keys, 'throttle', `account ${account.canonicalAddress}`)
}

export function originName(keys: Keyring, address: string): string {
  return keyedDigest(keys, 'throttle', `origin ${networkOf(address)}`)
}

export function recipientName(keys: Keyring, canonicalAddress: string): string {
  return keyedDigest(keys, 'throttle', `recipient ${canonicalAddress}`)
}

/** Strangers share one bucket of an account's authenticator, its known devices another (CHECKLIST R041). */
export function attemptBucket(authenticator: Authenticator, account: string, isKnownDevice: boolean): string {
  return `${authenticator}/${isKnownDevice ? 'device/' : ''}${account}`
}

export function addressBucket(origin: string): string {
  return `address/${origin}`
}

export function bucketsOfUser(userId: string, authenticators: readonly Authenticator[] = AUTHENTICATORS) {
  return authenticators.flatMap((authenticator) =>
    [false, true].map((isDevice) => ({ authenticator, isDevice, bucket: attemptBucket(authenticator, userId, isDevice) })),
  )
}
