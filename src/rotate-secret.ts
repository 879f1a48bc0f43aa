import { versionNumber } from './crypto/keyring.ts'
import type { Random } from './crypto/random.ts'
import { AuthError } from './errors.ts'
import { parseSecret, type SecretVersion } from './setting-parsers.ts'

/** As `openssl rand -base64 48` makes them. */
const FRESH_BYTES = 48

export interface Rotation {
  readonly versions: readonly SecretVersion[]
  /** What was done: a fresh version that only reads yet, one that was staged and now writes, or one that was made and writes at once. */
  readonly step: 'staged' | 'promoted' | 'added'
  readonly version: string
}

/**
 * The next value of a setting with versions. The first writes, all are read. A staged version stands last, so that every process can read it before one writes with it;
 * rotating again puts it first. Names only go up: `names` are those that the database has seen, used or not.
 *
 * @throws AuthError `configuration_invalid` - one is staged already
 */
export function rotateSecret(
  versions: readonly SecretVersion[],
  how: { readonly random: Random; readonly names: readonly string[]; readonly stage: boolean },
): Rotation {
  const staged = versions.slice(1).find(({ version }) => versionNumber(version) > versionNumber(versions[0]?.version ?? ''))
  if (staged && how.stage) {
    throw new AuthError('configuration_invalid', {
      sentence: `Version ${staged.version} is staged already. Once every process has been restarted with it, "bienvenue secret rotate" puts it first.`,
    })
  }
  if (staged) return { versions: [staged, ...versions.filter((one) => one !== staged)], step: 'promoted', version: staged.version }
  const version = `v${Math.max(0, ...[...how.names, ...versions.map((one) => one.version)].map(versionNumber)) + 1}`
  const fresh = parseSecret(`${version}:${Buffer.from(how.random.bytes(FRESH_BYTES)).toString('base64url')}`)
  // Where there is none, there is nothing that others could be surprised by.
  if (how.stage && versions.length > 0) return { versions: [...versions, ...fresh], step: 'staged', version }
  return { versions: [...fresh, ...versions], step: 'added', version }
}

/** The value as the setting takes it. */
export function secretText(versions: readonly SecretVersion[]): string {
  return versions.map(({ version, bytes }) => `${version}:${Buffer.from(bytes).toString('utf8')}`).join(',')
}
