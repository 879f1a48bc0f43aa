import { hashOpaqueToken, makeOpaqueToken, type TokenHash } from '../crypto/opaque-token.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import {
  deleteDevicesOf,
  deleteExpiredDevices,
  deleteOldestDevices,
  findDeviceRow,
  hasDevice,
  insertDevice,
  listDevicesOf,
  updateLastUsed,
} from './device-store.ts'
import { DEVICE_SECONDS, MAX_DEVICES_PER_USER } from './limits.ts'

/** A browser that this user has logged in with. */
export interface KnownDevice {
  readonly tokenHash: TokenHash
  readonly lastUsedAt: number
}

const DEVICE_MILLISECONDS = DEVICE_SECONDS * 1_000
/** Which of ten was used longest ago is told well enough by the day. */
const LAST_USED_MILLISECONDS = 86_400_000

/**
 * The device that a browser presents, if it is one of this user's; a forged cookie, an old one and another user's are none (CHECKLIST R041). It proves nothing: whoever
 * presents it has the user's own allowance of attempts, and nothing else.
 *
 * `userId` of `null` is for an address that nobody has: it is looked for all the same, so that the time tells nothing.
 */
export async function findDevice(
  deps: Pick<Deps, 'database' | 'clock'>,
  presentedToken: string | null,
  userId: string | null,
): Promise<KnownDevice | null> {
  const tokenHash = hashOpaqueToken(presentedToken)
  if (tokenHash === null) return null
  const device = await findDeviceRow(deps.database.reads, tokenHash, deps.clock.now() - DEVICE_MILLISECONDS)
  return device !== null && device.userId === userId ? { tokenHash, lastUsedAt: device.lastUsedAt } : null
}

/**
 * Remember a browser, within the transaction of a good login. Of more than ten the one that was used longest ago goes.
 *
 * @returns the token, for the cookie; only its SHA-256 is stored
 */
export async function issueDevice(deps: Pick<Deps, 'clock' | 'random'>, tx: Db, userId: string): Promise<string> {
  const { token, tokenHash } = makeOpaqueToken(deps.random)
  const count = await insertDevice(tx, { tokenHash, userId, now: deps.clock.now() })
  if (count >= MAX_DEVICES_PER_USER) await deleteOldestDevices(tx, userId, tokenHash, MAX_DEVICES_PER_USER)
  return token
}

/** Has this user logged in with any browser before? */
export function knowsBrowsers(tx: Db, userId: string): Promise<boolean> {
  return hasDevice(tx, userId)
}

/** The browsers that a user has logged in with, the last used first. */
export function listDevices(
  deps: Pick<Deps, 'database'>,
  userId: string,
): Promise<{ readonly createdAt: Date; readonly lastUsedAt: Date }[]> {
  return listDevicesOf(deps.database.reads, userId)
}

/** A known browser has logged in again. */
export async function noteDeviceUse(deps: Pick<Deps, 'clock'>, tx: Db, device: KnownDevice): Promise<void> {
  const now = deps.clock.now()
  if (device.lastUsedAt < now - LAST_USED_MILLISECONDS) await updateLastUsed(tx, device.tokenHash, now)
}

/** Every browser is a stranger's again: the password has changed, perhaps because one of them is. */
export async function voidDevices(tx: Db, userId: string): Promise<void> {
  await deleteDevicesOf(tx, userId)
}

/** Remove at most `limit` devices whose cookie no browser sends any more. @returns how many */
export async function removeExpiredDevices(deps: Pick<Deps, 'database' | 'clock'>, limit: number): Promise<number> {
  return deps.database.inTransaction((tx) => deleteExpiredDevices(tx, deps.clock.now() - DEVICE_MILLISECONDS, limit))
}
