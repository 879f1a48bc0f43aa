import { AuthError } from '../errors.ts'
import type { Database, Db } from './database.ts'
import { waitForOthers } from './migrate.ts'

/** The row that is there while a move into this database is not finished (move-progress.ts). */
export const MOVE_KEY = 'move'

export interface ServiceClaim {
  readonly posture: 'classic' | 'hardened'
  /** Fingerprints of the configured secret's versions, newest first. */
  readonly secretFingerprints: readonly string[]
}

/**
 * Record which posture and which secret this database is used with, and refuse what does not fit.
 * Hardened's first opening of a classic database ends every session and reset token: classic handed them to anyone who asked.
 *
 * @throws AuthError `database_refused` - classic on a hardened database; another secret; in the middle of a move
 */
export async function claimDatabase(database: Database, claim: ServiceClaim): Promise<void> {
  const state = await readState(database.reads)
  refuseMisfit(state, claim)
  const newest = claim.secretFingerprints[0] ?? ''
  if (state.posture === claim.posture && state.secret === newest) return
  await database.inTransaction(async (tx) => {
    // Two nodes with different settings must not both find it unclaimed.
    await waitForOthers(database, tx)
    const now = await readState(tx)
    refuseMisfit(now, claim)
    if (now.posture === 'classic' && claim.posture === 'hardened') {
      await tx.deleteFrom('sessions').execute()
      await tx.deleteFrom('reset_tokens').execute()
    }
    await writeState(tx, 'posture', claim.posture)
    await writeState(tx, 'secret', newest)
  })
}

/**
 * The same refusals, and nothing written: for who only reads. Hardened may so look at a classic database, and ends nothing in it.
 *
 * @throws AuthError `database_refused`
 */
export async function requireClaimable(database: Database, claim: ServiceClaim): Promise<void> {
  refuseMisfit(await readState(database.reads), claim)
}

/**
 * The fingerprint of the secret that this database was last used with; `null` for a new one.
 *
 * @throws AuthError `database_refused` - in the middle of a move
 */
export async function recordedFingerprint(database: Database): Promise<string | null> {
  return (await readState(database.reads)).secret
}

function refuseMisfit(state: { posture: string | null; secret: string | null }, claim: ServiceClaim): void {
  if (state.posture === 'hardened' && claim.posture === 'classic') {
    throw new AuthError('database_refused', {
      sentence:
        'This database belongs to a hardened service; the classic posture hands out reset tokens and will not open it. Set BIENVENUE_POSTURE=hardened, or choose another DATABASE_URL.',
    })
  }
  if (state.secret !== null && !claim.secretFingerprints.includes(state.secret)) {
    throw new AuthError('database_refused', {
      sentence:
        'This database was used with another BIENVENUE_SECRET. Set the one it was used with (in the classic posture: the file bienvenue.secret that lay beside it).',
    })
  }
}

async function readState(db: Db) {
  const rows = await db.selectFrom('service_state').selectAll().execute()
  const values = new Map(rows.map((row) => [row.key, row.value]))
  if (values.has(MOVE_KEY)) {
    throw new AuthError('database_refused', {
      sentence: 'A move into this database is not finished. Run the same "bienvenue move" again: it goes on where it stopped.',
    })
  }
  return { posture: values.get('posture') ?? null, secret: values.get('secret') ?? null }
}

async function writeState(tx: Db, key: string, value: string): Promise<void> {
  await tx
    .insertInto('service_state')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}
