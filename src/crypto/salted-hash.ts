import { hashRaw } from '@node-rs/argon2'
import type { Argon2Parameters } from './password-hash.ts'

/** 256-bit tag, as for passwords. */
const TAG_BYTES = 32
/** 128 bits (NIST SP 800-63B-4 section 3.1.2.2 asks for 32). */
export const SALT_BYTES = 16

/** Argon2id with a salt that the caller keeps: for secrets of which a user has several under one salt. In hexadecimal. */
export async function saltedHash(text: string, salt: Uint8Array, cost: Argon2Parameters): Promise<string> {
  const { memoryKib, passes, parallelism } = cost
  const hash = await hashRaw(text, { salt, memoryCost: memoryKib, timeCost: passes, parallelism, outputLen: TAG_BYTES })
  return hash.toString('hex')
}

/** As a PHC string has it: `m=19456,t=2,p=1`. */
export function costText({ memoryKib, passes, parallelism }: Argon2Parameters): string {
  return `m=${memoryKib},t=${passes},p=${parallelism}`
}

export function readCost(text: string): Argon2Parameters | null {
  const match = /^m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})$/.exec(text)
  return match ? { memoryKib: Number(match[1]), passes: Number(match[2]), parallelism: Number(match[3]) } : null
}
