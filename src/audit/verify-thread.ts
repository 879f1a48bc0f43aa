import { parentPort, workerData } from 'node:worker_threads'
import { type DatabaseLocation, openDatabase } from '../db/database.ts'
import { type Range, verifyRange } from './verify-range.ts'

export interface VerifyThreadData {
  readonly location: DatabaseLocation
  /** The key of each version of the secret, for events alone. */
  readonly keys: readonly (readonly [version: string, key: Uint8Array])[]
}

/** A thread of `audit verify` (verify.ts): it is given parts of the chain, one after another, and answers with what it found. */
const { location, keys } = workerData as VerifyThreadData
const byVersion = new Map(keys)
const keyring = {
  versions: [...byVersion.keys()],
  // The caller asks for the versions that are there.
  key: (_label: string, version = '') => byVersion.get(version) as Uint8Array,
}
const database = await openDatabase(location.engine === 'postgres' ? { ...location, poolSize: 1 } : location)

parentPort?.on('message', (part: Range) => {
  verifyRange(database.reads, keyring, part).then(
    (verdict) => parentPort?.postMessage(verdict),
    // Ends the thread with the error, and the verification with it.
    (error: unknown) => setImmediate(() => Promise.reject(error)),
  )
})
