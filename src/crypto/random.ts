import { randomBytes, randomUUID } from 'node:crypto'

/** Where randomness comes from; tests may hold it. */
export interface Random {
  bytes(count: number): Uint8Array
  /** UUID v4: 122 random bits (CHECKLIST R037). An identifier, never a secret (R056). */
  uuid(): string
}

export const systemRandom: Random = { bytes: randomBytes, uuid: () => randomUUID() }
