import { timingSafeEqual } from 'node:crypto'

/** The one way in which secrets, tags and digests are compared: how long it takes tells nothing of where they differ (CHECKLIST R026). Lengths are no secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The same for texts: digests and tags as they are stored. An empty text is like nothing. */
export function sameText(a: string, b: string): boolean {
  return a !== '' && sameBytes(Buffer.from(a), Buffer.from(b))
}
