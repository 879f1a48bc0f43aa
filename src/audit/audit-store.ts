import { CompiledQuery, type Selectable, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { placeholders } from '../db/kept-query.ts'
import type { AuditEventsTable, AuditStateTable } from '../db/tables.ts'
import type { SignedHead } from './event-seal.ts'

export type AuditEventRow = Selectable<AuditEventsTable>
export type SealedRow = AuditEventRow & { readonly seq: number; readonly link: string }
export type StateRow = Selectable<AuditStateTable>

/** Compiled once for each open database: every login writes one, and putting the statement together would cost more than writing the row. */
const inserts = new WeakMap<object, ReturnType<typeof placeholders<AuditEventRow & Record<string, unknown>, unknown>>>()

export async function insertEvent(tx: Db, row: AuditEventRow): Promise<void> {
  const { adapter } = tx.getExecutor()
  const insert = inserts.get(adapter) ?? placeholders(tx, (db, arg) => db.insertInto('audit_events').values(argumentsOf(row, arg)))
  inserts.set(adapter, insert)
  await tx.executeQuery(CompiledQuery.raw(insert.sql, insert.valuesOf({ ...row })))
}

function argumentsOf(row: AuditEventRow, arg: (name: keyof AuditEventRow) => unknown): AuditEventRow {
  // A placeholder stands where the value will be.
  return Object.fromEntries(Object.keys(row).map((name) => [name, arg(name as keyof AuditEventRow)])) as unknown as AuditEventRow
}

/** Nothing happens where there is a row of this id. */
export async function insertEventOnce(tx: Db, row: AuditEventRow): Promise<void> {
  await tx
    .insertInto('audit_events')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

export async function hasEvent(db: Db, id: string): Promise<boolean> {
  return (await db.selectFrom('audit_events').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
}

/** The rows that have no number yet and whose key is at hand, in the order of their ids, behind `after`. */
export function selectUnsealed(
  db: Db,
  page: { readonly after: string; readonly limit: number; readonly keyVersions?: readonly string[] },
): Promise<AuditEventRow[]> {
  return db
    .selectFrom('audit_events')
    .selectAll()
    .where('seq', 'is', null)
    .where('id', '>', page.after)
    .$if(page.keyVersions !== undefined, (query) => query.where('key_version', 'in', [...(page.keyVersions ?? [])]))
    .orderBy('id')
    .limit(page.limit)
    .execute()
}

/** Sealed rows in the order of the chain, behind `after`, up to `to`. */
export async function selectSealed(
  db: Db,
  page: { readonly after: number; readonly to?: number; readonly limit: number },
): Promise<SealedRow[]> {
  const rows = await db
    .selectFrom('audit_events')
    .selectAll()
    .where('seq', '>', page.after)
    .where('seq', '<=', page.to ?? Number.MAX_SAFE_INTEGER)
    .orderBy('seq')
    .limit(page.limit)
    .execute()
  // A number is there, by the condition; a row whose link was taken away is one that does not fit.
  return rows.map((row) => ({ ...row, seq: row.seq ?? 0, link: row.link ?? '' }))
}

export interface ChainHead {
  readonly seq: number
  readonly link: string
}

export interface Lease {
  readonly owner: string
  readonly now: number
  readonly until: number
}

/** Where the chain ends, and who may go on with it until when. Before the first event there is nothing. */
export async function readHead(db: Db): Promise<ChainHead & { readonly owner: string | null; readonly leaseUntil: number }> {
  const row = await readState(db, 'head')
  return { seq: row?.seq ?? 0, link: row?.link ?? '', owner: row?.owner ?? null, leaseUntil: row?.at ?? 0 }
}

/**
 * Move the head of the chain on, take the lease and judge it, all in one statement: it does nothing for whom the lease is not, nor where the head is no longer `from`.
 * So there is one chain however many try, and however long one of them slept.
 */
export async function moveHead(
  tx: Db,
  step: { readonly from: ChainHead; readonly to: ChainHead; readonly lease: Lease },
): Promise<boolean> {
  const { from, to, lease } = step
  if (from.seq === 0) {
    await tx
      .insertInto('audit_state')
      .values({ ...EMPTY_STATE, key: 'head' })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute()
  }
  const result = await tx
    .updateTable('audit_state')
    .set({ seq: to.seq, link: to.link, owner: lease.owner, at: lease.until })
    .where('key', '=', 'head')
    .where('seq', '=', from.seq)
    .where('link', '=', from.link)
    .where((is) => is.or([is('owner', '=', lease.owner), is('at', '<=', lease.now)]))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Others need not wait for the end of a lease whose owner goes. */
export async function releaseLease(tx: Db, owner: string): Promise<void> {
  await tx.updateTable('audit_state').set({ at: 0 }).where('key', '=', 'head').where('owner', '=', owner).execute()
}

/** Give rows their numbers and links, in one statement. @returns how many had none and have got them */
export async function writeLinks(tx: Db, links: readonly (ChainHead & { readonly id: string })[]): Promise<number> {
  const rows = links.map(({ id, seq, link }) => sql`(cast(${id} as text), cast(${seq} as bigint), cast(${link} as text))`)
  // Both engines name the columns of VALUES so.
  const sealed = sql<{ column1: string; column2: number; column3: string }>`(values ${sql.join(rows)})`.as<'sealed'>(sql`sealed`)
  const result = await tx
    .updateTable('audit_events')
    .from(sealed)
    .set((is) => ({ seq: is.ref('sealed.column2'), link: is.ref('sealed.column3') }))
    .whereRef('audit_events.id', '=', 'sealed.column1')
    .where('audit_events.seq', 'is', null)
    .executeTakeFirst()
  return Number(result.numUpdatedRows)
}

/** Up to where rows of a version of the secret go, at most: what it is needed for. */
export async function noteKeyVersion(tx: Db, version: string, seq: number): Promise<void> {
  await tx
    .insertInto('audit_state')
    .values({ ...EMPTY_STATE, key: `${KEY_PREFIX}${version}`, seq, key_version: version })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ seq }))
    .execute()
}

const KEY_PREFIX = 'key '
const EMPTY_STATE = { seq: 0, link: '', at: 0, owner: null, key_version: null, signature: null }

export async function readState(db: Db, key: 'head' | 'cut' | 'truncated'): Promise<StateRow | undefined> {
  return db.selectFrom('audit_state').selectAll().where('key', '=', key).executeTakeFirst()
}

/** The versions that rows were written with: of the sealed ones as the sealer noted them, of the others by a look. */
export async function selectKeyVersions(db: Db): Promise<string[]> {
  const states = await db.selectFrom('audit_state').selectAll().execute()
  const cut = states.find(({ key }) => key === 'cut')
  const sealed = states.filter(({ key, seq }) => key.startsWith(KEY_PREFIX) && seq > (cut?.seq ?? 0))
  const unsealed = await db.selectFrom('audit_events').select('key_version').distinct().where('seq', 'is', null).execute()
  const versions = [...sealed, ...unsealed, ...(cut ? [cut] : [])].flatMap((row) => row.key_version ?? [])
  return [...new Set(versions)].sort()
}

/** Newest first. */
export function selectEvents(
  db: Db,
  filter: {
    readonly subject?: string
    readonly name?: string
    readonly outcome?: string
    readonly fromId?: string
    readonly before?: string
    readonly limit: number
  },
): Promise<AuditEventRow[]> {
  return db
    .selectFrom('audit_events')
    .selectAll()
    .$if(filter.subject !== undefined, (query) => query.where('subject', '=', filter.subject ?? ''))
    .$if(filter.name !== undefined, (query) => query.where('name', '=', filter.name ?? ''))
    .$if(filter.outcome !== undefined, (query) => query.where('outcome', '=', filter.outcome ?? ''))
    .$if(filter.fromId !== undefined, (query) => query.where('id', '>=', filter.fromId ?? ''))
    .$if(filter.before !== undefined, (query) => query.where('id', '<', filter.before ?? ''))
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .execute()
}

/** The new beginning and the removal are one; of two who cut at once, one does. @returns how many were removed */
export async function cutChain(tx: Db, { from, to }: { readonly from: number; readonly to: SignedHead }): Promise<number> {
  await tx
    .insertInto('audit_state')
    .values({ ...EMPTY_STATE, key: 'cut' })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
  const moved = await tx.updateTable('audit_state').set(to).where('key', '=', 'cut').where('seq', '=', from).executeTakeFirst()
  if (moved.numUpdatedRows === 0n) return 0
  const removed = await tx.deleteFrom('audit_events').where('seq', '<=', to.seq).executeTakeFirst()
  return Number(removed.numDeletedRows)
}

export async function truncateOrigins(tx: Db, { after, to }: { readonly after: number; readonly to: number }): Promise<void> {
  await tx
    .updateTable('audit_events')
    .set({ address: null, user_agent: null, salt: null })
    .where('seq', '>', after)
    .where('seq', '<=', to)
    .where('salt', 'is not', null)
    .execute()
  await tx
    .insertInto('audit_state')
    .values({ ...EMPTY_STATE, key: 'truncated', seq: to })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ seq: to }))
    .execute()
}

/** Of what the user did themselves, or somebody without a session did to them: an operator's and an application's own origin stays. */
export async function deleteOriginsOf(tx: Db, userId: string): Promise<void> {
  await tx
    .updateTable('audit_events')
    .set({ address: null, user_agent: null, salt: null })
    .where('subject', '=', userId)
    .where('actor', 'in', ['nobody', `user:${userId}`])
    .where('salt', 'is not', null)
    .execute()
}

/** In the order of ids, from one on, or from behind it. */
export function selectEventsFrom(
  db: Db,
  page: { readonly after: string; readonly including: boolean; readonly limit: number },
): Promise<AuditEventRow[]> {
  return db
    .selectFrom('audit_events')
    .selectAll()
    .where('id', page.including ? '>=' : '>', page.after)
    .orderBy('id')
    .limit(page.limit)
    .execute()
}
