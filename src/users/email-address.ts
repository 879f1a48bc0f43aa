import { domainToASCII } from 'node:url'

/** An address in the two forms that are kept. */
export interface EmailAddress {
  /** As the user typed it. */
  readonly address: string
  /** What addresses are compared by: ASCII, lower case. */
  readonly canonical: string
}

/** RFC 5321 section 4.5.3.1: 64 octets before the "@", 254 in all (the path's 256 less its brackets). */
const MAX_LOCAL = 64
const MAX_ADDRESS = 254

/** RFC 5322 section 3.2.3, dot-atom in ASCII. Quoted local parts, comments and display names are refused: mailers disagree about them (CHECKLIST R130). */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The one function that decides what an address is and when two are the same (CHECKLIST R124-R127): the domain by UTS-46, everything in
 * ASCII lower case, dots and tags kept. It canonicalises first and judges the result, so that no look-alike of "@" or "." slips through.
 *
 * @returns `null` for what is no address
 */
export function parseEmailAddress(text: unknown): EmailAddress | null {
  if (typeof text !== 'string' || text.length > MAX_ADDRESS || Buffer.byteLength(text) > MAX_ADDRESS) return null
  const at = text.indexOf('@')
  if (at < 1 || at !== text.lastIndexOf('@')) return null
  const local = text.slice(0, at)
  if (local.length > MAX_LOCAL || !LOCAL_PART.test(local)) return null
  const domain = canonicalDomain(text.slice(at + 1))
  if (domain === null) return null
  const canonical = `${local.toLowerCase()}@${domain}`
  return canonical.length > MAX_ADDRESS ? null : { address: text, canonical }
}

function canonicalDomain(text: string): string | null {
  // domainToASCII drops or reads these as a URL would; an address has none of them.
  if (/[\s\x00-\x1f\x7f%/\\?#:@[\]]/.test(text)) return null
  const domain = domainToASCII(text).toLowerCase()
  if (domain === '' || domain.length > 253) return null
  const labels = domain.split('.')
  // A last label of digits is an IP address in disguise.
  if (!labels.every((label) => LABEL.test(label)) || /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return null
  return domain
}
