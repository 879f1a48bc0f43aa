import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Config, isInMemory } from './config.ts'
import { secretFingerprint } from './crypto/derived-key.ts'
import type { Random } from './crypto/random.ts'
import type { DatabaseLocation } from './db/database.ts'
import type { VersionFingerprint } from './db/secret-versions.ts'
import { AuthError } from './errors.ts'
import { parseSecret, type SecretVersion } from './setting-parsers.ts'

const SECRET_FILE = 'bienvenue.secret'

/** Where the classic posture keeps the secret of this database. */
export function secretFileOf(database: DatabaseLocation): string {
  return join(database.engine === 'sqlite' ? dirname(database.path ?? '') : '', SECRET_FILE)
}

/**
 * The root secret: the configured one, or in the classic posture one that is made at the first start and kept in
 * `bienvenue.secret` beside the database file, or in the working directory where the database is a server. The file is created exclusively and for its owner only, so of two processes that
 * start at once one makes it and both read it (CHECKLIST R234, R238).
 *
 * @param knownFingerprint what the database remembers: with it, a missing file is not replaced
 * @throws AuthError `configuration_invalid` - the file holds no secret
 * @throws AuthError `database_refused` - the file is missing, and the database had one
 */
export function resolveRootSecret(config: Config, random: Random, knownFingerprint: string | null): readonly SecretVersion[] {
  if (config.secrets.root.length > 0) return config.secrets.root
  const made = `v1:${Buffer.from(random.bytes(48)).toString('base64url')}`
  if (isInMemory(config.database)) return parseSecret(made)
  const path = secretFileOf(config.database)
  if (!existsSync(path) && knownFingerprint !== null) {
    throw new AuthError('database_refused', {
      sentence: `The file ${path} is missing, and the database was used with the secret in it. Put it back, or set BIENVENUE_SECRET to what it held.`,
    })
  }
  if (!existsSync(path)) createExclusively(path, `${made}\n`)
  try {
    return parseSecret(readFileSync(path, 'utf8').trim())
  } catch (error) {
    throw new AuthError(
      'configuration_invalid',
      { sentence: `The file ${path} holds no usable secret: it ${(error as Error).message}` },
      { cause: error },
    )
  }
}

/** What the database recognises each version by. */
export function fingerprintsOf(secrets: readonly SecretVersion[]): VersionFingerprint[] {
  return secrets.map(({ version, bytes }) => ({ version, fingerprint: secretFingerprint(bytes) }))
}

/** Complete or not there at all: whoever comes second finds the first one's whole file. */
function createExclusively(path: string, content: string): void {
  const aside = `${path}.${process.pid}`
  try {
    writeFileSync(aside, content, { mode: 0o600, flag: 'wx' })
    linkSync(aside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(path)) return
    const sentence = `The secret cannot be written to ${path}: ${(error as Error).message}`
    throw new AuthError('configuration_invalid', { sentence }, { cause: error })
  } finally {
    rmSync(aside, { force: true })
  }
}
