import { pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto'
import { hashSync as argon2 } from '@node-rs/argon2'
import { hashSync as bcrypt } from '@node-rs/bcrypt'

/** Hashes as other systems write them, at the least cost that their formats know. */
export const OLD_HASHES = {
  'bcrypt $2a': (password) => bcrypt(password, 4).replace(/^\$2./, '$2a'),
  'bcrypt $2b': (password) => bcrypt(password, 4),
  'bcrypt $2y': (password) => bcrypt(password, 4).replace(/^\$2./, '$2y'),
  'Werkzeug scrypt': (password) =>
    `scrypt:1024:8:1$pepperAndSalt$${scryptSync(password, 'pepperAndSalt', 64, { N: 1024, r: 8, p: 1 }).toString('hex')}`,
  'Django scrypt': (password) =>
    `scrypt$1024$saltOfDjango$8$1$${scryptSync(password, 'saltOfDjango', 64, { N: 1024, r: 8, p: 1 }).toString('base64')}`,
  'PHC scrypt': (password) => {
    const salt = randomBytes(16)
    return `$scrypt$ln=10,r=8,p=1$${unpadded(salt)}$${unpadded(scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 }))}`
  },
  'Werkzeug PBKDF2': (password) =>
    `pbkdf2:sha256:1000$werkzeugSalt$${pbkdf2Sync(password, 'werkzeugSalt', 1000, 32, 'sha256').toString('hex')}`,
  'Django PBKDF2': (password) =>
    `pbkdf2_sha256$1000$djangoSalt$${pbkdf2Sync(password, 'djangoSalt', 1000, 32, 'sha256').toString('base64')}`,
  'passlib PBKDF2': (password) => {
    const salt = randomBytes(16)
    return `$pbkdf2-sha256$1000$${unpadded(salt)}$${unpadded(pbkdf2Sync(password, salt, 1000, 32, 'sha256'))}`.replaceAll('+', '.')
  },
  'Django Argon2': (password) => `argon2${argon2(password, { memoryCost: 512, timeCost: 2, parallelism: 2 })}`,
  'Argon2id with other costs': (password) => argon2(password, { memoryCost: 4096, timeCost: 3, parallelism: 1 }),
} as const satisfies Record<string, (password: string) => string>

export type OldHashFormat = keyof typeof OLD_HASHES
export const OLD_HASH_FORMATS = Object.keys(OLD_HASHES) as OldHashFormat[]

/** PHC strings have base64 without padding. */
function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}
