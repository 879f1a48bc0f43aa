import { AuthError } from '../errors.ts'
import type { Database, Db } from './database.ts'
import { referencedVersions, type SecretKind, type VersionName } from './referenced-versions.ts'

/** One configured version, by what recognises it. */
export interface VersionFingerprint {
  readonly version: string
  readonly fingerprint: string
}

/** What is configured of each kind, the one that new data is written with first. */
export type SecretVersions = Readonly<Record<SecretKind, readonly VersionFingerprint[]>>

/** What the database remembers of a version under its name: for good, so that the name never stands for another secret. */
export interface KnownVersion extends VersionName {
  readonly fingerprint: string
  /** It was left out of the settings, and nothing referred to it. */
  readonly retired: boolean
}

const SETTINGS: Record<SecretKind, string> = { secret: 'BIENVENUE_SECRET', pepper: 'BIENVENUE_PASSWORD_PEPPER' }
const RETIRED = 'retired '

/** Rows of service_state as `secret:v1` and `pepper:v1`: the fingerprint, after `retired ` where it is out of use. */
export function knownVersions(state: ReadonlyMap<string, string>): KnownVersion[] {
  return [...state].flatMap(([key, value]) => {
    const [, kind, version] = /^(secret|pepper):(v\d+)$/.exec(key) ?? []
    if (kind === undefined || version === undefined) return []
    const retired = value.startsWith(RETIRED)
    // The pattern above admits these two words.
    return [{ kind: kind as SecretKind, version, fingerprint: retired ? value.slice(RETIRED.length) : value, retired }]
  })
}

/** @throws AuthError `database_refused` - a version's name stands for another secret than it did */
export function refuseOtherSecrets(known: readonly KnownVersion[], configured: SecretVersions): void {
  for (const { kind, version, fingerprint } of known) {
    const same = configured[kind].find((one) => one.version === version)
    if (!same || same.fingerprint === fingerprint) continue
    throw new AuthError('database_refused', {
      sentence: `Version ${version} of ${SETTINGS[kind]} is another secret than the one that this database was used with under that name. Set ${version} as it was; a new secret gets a new name (bienvenue secret rotate makes one).`,
    })
  }
}

/** Versions that data may refer to and that are not configured: none, in the usual case, and then nothing is looked for. */
export function missingVersions(known: readonly KnownVersion[], configured: SecretVersions): KnownVersion[] {
  return known.filter(({ kind, version, retired }) => !retired && !configured[kind].some((one) => one.version === version))
}

/** @throws AuthError `database_refused` - data refers to one of them: it could not be read, or its users could not log in */
export async function refuseReferenced(database: Database, missing: readonly VersionName[]): Promise<void> {
  for (const { kind, version, where } of await referencedVersions(database, missing)) {
    if (where.length === 0) continue
    throw new AuthError('database_refused', {
      sentence: `Version ${version} of ${SETTINGS[kind]} is not configured, and ${where.join(' and ')} still ${where.length === 1 ? 'refers' : 'refer'} to it. Put it back, as the last of its versions, until "bienvenue secret status" says that nothing refers to it.`,
    })
  }
}

/** Within the claim's transaction: remember what is configured, and that nothing refers to what was `lookedFor`. */
export async function recordVersions(tx: Db, configured: SecretVersions, lookedFor: readonly KnownVersion[]): Promise<void> {
  const live = (['secret', 'pepper'] as const).flatMap((kind) => configured[kind].map((one) => ({ kind, ...one, retired: false })))
  for (const { kind, version, fingerprint, retired } of [...live, ...lookedFor.map((one) => ({ ...one, retired: true }))]) {
    const value = `${retired ? RETIRED : ''}${fingerprint}`
    await tx
      .insertInto('service_state')
      .values({ key: `${kind}:${version}`, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute()
  }
}

/** Does the database know each configured version already, as one in use? */
export function areRecorded(known: readonly KnownVersion[], configured: SecretVersions): boolean {
  return (['secret', 'pepper'] as const).every((kind) =>
    configured[kind].every(({ version }) => known.some((one) => one.kind === kind && one.version === version && !one.retired)),
  )
}
