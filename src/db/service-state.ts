import { AuthError } from '../errors.ts'
import type { Database, Db } from './database.ts'
import { waitForOthers } from './migrate.ts'
import {
  areRecorded,
  type KnownVersion,
  knownVersions,
  missingVersions,
  recordVersions,
  refuseOtherSecrets,
  refuseReferenced,
  type SecretVersions,
} from './secret-versions.ts'
import { ENDED_BY_RESTORE } from './table-list.ts'

/** The row that is there while a move into this database is not finished (move-progress.ts). */
export const MOVE_KEY = 'move'

export interface ServiceClaim {
  readonly posture: 'classic' | 'hardened'
  readonly versions: SecretVersions
}

/** What an opening has changed of a database that was in use before; for the audit log, in the same transaction. */
export interface ClaimChange {
  readonly secret: boolean
  readonly posture: boolean
}

/**
 * Record which posture and which secret this database is used with, and refuse what does not fit.
 * Hardened's first opening of a classic database ends every session, token and mail: classic handed them to anyone who asked. For the same reason no address stays verified.
 *
 * @throws AuthError `database_refused` - classic on a hardened database; another secret; a version left out that data refers to; in the middle of a move
 */
export async function claimDatabase(
  database: Database,
  claim: ServiceClaim,
  onChange: (tx: Db, changed: ClaimChange) => Promise<void> = async () => {},
): Promise<void> {
  const state = await readState(database.reads)
  refuseMisfit(state, claim)
  const missing = missingVersions(state.known, claim.versions)
  await refuseReferenced(database, missing)
  const newest = claim.versions.secret[0]?.fingerprint ?? ''
  const recorded = missing.length === 0 && areRecorded(state.known, claim.versions)
  if (recorded && state.posture === claim.posture && state.secret === newest) return
  await database.inTransaction(async (tx) => {
    // Two nodes with different settings must not both find it unclaimed.
    await waitForOthers(database, tx)
    const now = await readState(tx)
    refuseMisfit(now, claim)
    if (now.posture === 'classic' && claim.posture === 'hardened') {
      for (const { name } of ENDED_BY_RESTORE) await tx.deleteFrom(name).execute()
      // Classic shows its mails to whoever asks: what they proved, proves nothing.
      await tx.updateTable('users').set({ email_verified_at: null }).where('email_verified_at', 'is not', null).execute()
    }
    await writeState(tx, 'posture', claim.posture)
    // Versions had no rows of their own once, and nodes of that age look here.
    await writeState(tx, 'secret', newest)
    await recordVersions(tx, claim.versions, missing)
    await onChange(tx, {
      secret: now.secret !== null && now.secret !== newest,
      posture: now.posture !== null && now.posture !== claim.posture,
    })
  })
}

/**
 * The same refusals, and nothing written: for who only reads. Hardened may so look at a classic database, and ends nothing in it.
 *
 * @throws AuthError `database_refused`
 */
export async function requireClaimable(database: Database, claim: ServiceClaim): Promise<void> {
  const state = await readState(database.reads)
  refuseMisfit(state, claim)
  await refuseReferenced(database, missingVersions(state.known, claim.versions))
}

/**
 * The fingerprint of the secret that this database was last used with; `null` for a new one.
 *
 * @throws AuthError `database_refused` - in the middle of a move
 */
export async function recordedFingerprint(database: Database): Promise<string | null> {
  return (await readState(database.reads)).secret
}

/** Every version of the secret and of the pepper that this database was used with. */
export async function recordedVersions(database: Database): Promise<readonly KnownVersion[]> {
  return (await readState(database.reads)).known
}

function refuseMisfit({ posture, secret, known }: Awaited<ReturnType<typeof readState>>, claim: ServiceClaim): void {
  if (posture === 'hardened' && claim.posture === 'classic') {
    throw new AuthError('database_refused', {
      sentence:
        'This database belongs to a hardened service; the classic posture hands out reset tokens and will not open it. Set BIENVENUE_POSTURE=hardened, or choose another DATABASE_URL.',
    })
  }
  const { secret: configured } = claim.versions
  if (secret !== null && !configured.some(({ fingerprint }) => fingerprint === secret)) {
    const named = known.find((one) => one.kind === 'secret' && one.fingerprint === secret)?.version
    // A node that was left behind by a rotation: it could not read what the others write now.
    const which = named !== undefined && !configured.some(({ version }) => version === named) ? `, its version ${named}` : ''
    throw new AuthError('database_refused', {
      sentence: `This database was used with another BIENVENUE_SECRET${which}. Set the one it was used with (in the classic posture: the file bienvenue.secret that lay beside it).`,
    })
  }
  refuseOtherSecrets(known, claim.versions)
}

async function readState(db: Db) {
  const rows = await db.selectFrom('service_state').selectAll().execute()
  const values = new Map(rows.map((row) => [row.key, row.value]))
  if (values.has(MOVE_KEY)) {
    throw new AuthError('database_refused', {
      sentence: 'A move into this database is not finished. Run the same "bienvenue move" again: it goes on where it stopped.',
    })
  }
  return { posture: values.get('posture') ?? null, secret: values.get('secret') ?? null, known: knownVersions(values) }
}

async function writeState(tx: Db, key: string, value: string): Promise<void> {
  await tx
    .insertInto('service_state')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}
