import { createHmac, hash } from 'node:crypto'
import type { Keyring } from '../crypto/keyring.ts'
import { sameText } from '../crypto/same-bytes.ts'
import type { AuditEventRow } from './audit-store.ts'

/** What an event's MAC covers: all of its row but the clear address and user agent, for which their digest stands, so that they can be truncated (CHECKLIST R291). */
export type SealedFields = Omit<AuditEventRow, 'address' | 'user_agent' | 'salt' | 'mac' | 'seq' | 'link'>

/**
 * The row as one text. A JSON array of texts, numbers and nulls, with a place for each field: no two rows have the same. The first word keeps events, links and heads apart.
 */
export function canonicalEvent(row: SealedFields): string {
  return JSON.stringify(['event', ...fieldsOf(row)])
}

function fieldsOf(row: SealedFields) {
  return [
    row.id,
    row.at,
    row.name,
    row.outcome,
    row.actor,
    row.subject,
    row.session_id,
    row.request_id,
    row.factors,
    row.reason,
    row.detail,
    row.key_version,
    row.origin_digest,
  ]
}

/** The row's own HMAC, made by whoever writes it: without the key nobody adds a row. */
export function eventMac(keys: Pick<Keyring, 'key'>, row: SealedFields): string {
  return hmac(keys, 'audit', row.key_version, canonicalEvent(row))
}

/**
 * The row's place in the chain. It covers the link before it, the number, the MAC and every field once more: so a reader who checks the links checks the rows, with one HMAC
 * for each.
 */
export function eventLink(
  keys: Pick<Keyring, 'key'>,
  previous: string,
  row: SealedFields & { readonly seq: number; readonly mac: string },
): string {
  return hmac(keys, 'audit', row.key_version, JSON.stringify(['link', previous, row.seq, row.mac, ...fieldsOf(row)]))
}

/** Where an event came from, under a salt of its own: with the salt gone, nobody finds the address by trying all of them. */
export function originDigest(salt: string, address: string | null, userAgent: string | null): string {
  return hash('sha256', JSON.stringify([salt, address, userAgent]), 'base64url')
}

/** A place in the chain, signed: what lies outside of the database and cannot be rewritten with it, or where the chain begins after a cut. */
export interface SignedHead {
  readonly seq: number
  readonly link: string
  /** When it was signed, unix milliseconds. */
  readonly at: number
  readonly key_version: string
  readonly signature: string
}

export type HeadKind = 'head' | 'cut'

export function signHead(keys: Keyring, kind: HeadKind, head: Pick<SignedHead, 'seq' | 'link' | 'at'>): SignedHead {
  const unsigned = { seq: head.seq, link: head.link, at: head.at, key_version: keys.newest }
  return { ...unsigned, signature: headSignature(keys, kind, unsigned) }
}

export function isSignedHead(keys: Keyring, kind: HeadKind, head: SignedHead): boolean {
  return keys.versions.includes(head.key_version) && sameText(headSignature(keys, kind, head), head.signature)
}

/** The heads among the lines of a log or an export; other lines are passed over. */
export function readHeads(text: string): SignedHead[] {
  return text.split('\n').flatMap((line) => {
    if (!line.includes('"signature"')) return []
    try {
      const { seq, link, at, key_version, signature } = JSON.parse(line) as Record<string, unknown>
      const isHead =
        Number.isSafeInteger(seq) && Number.isSafeInteger(at) && [link, key_version, signature].every((one) => typeof one === 'string')
      return isHead ? [{ seq, link, at, key_version, signature } as SignedHead] : []
    } catch {
      // A line that is cut off, or no JSON: somebody else's.
      return []
    }
  })
}

function headSignature(keys: Keyring, kind: HeadKind, head: Omit<SignedHead, 'signature'>): string {
  return hmac(keys, 'audit-head', head.key_version, JSON.stringify([kind, head.seq, head.link, head.at, head.key_version]))
}

/** HMAC-SHA-256 (RFC 2104). */
function hmac(keys: Pick<Keyring, 'key'>, label: 'audit' | 'audit-head', version: string, text: string): string {
  return createHmac('sha256', keys.key(label, version)).update(text).digest('base64url')
}
