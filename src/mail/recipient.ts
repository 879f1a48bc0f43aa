import { domainToASCII } from 'node:url'
import { type Keyring, keyedDigest } from '../crypto/keyring.ts'

/** A dot-atom in ASCII, and a domain: callers have checked the address already (users/email-address.ts). */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
const DOMAIN = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/
/** RFC 5321 section 4.5.3.1.3. */
const MAX_ADDRESS = 254

/**
 * The address of an envelope, from the one that is stored: its local part as it stands, its domain in ASCII. Whatever a mailer could read in two
 * ways is refused once more (CHECKLIST R130), as a bug: no address like that is ever stored.
 */
export function requireRecipient(stored: string): string {
  const [local = '', domain = '', ...more] = stored.split('@')
  const ascii = domainToASCII(domain).toLowerCase()
  const address = `${local}@${ascii}`
  if (more.length > 0 || !LOCAL_PART.test(local) || !DOMAIN.test(ascii) || address.length > MAX_ADDRESS)
    throw new Error('a mail to something that is no plain address')
  return address
}

/** What a row remembers of its recipient: enough to find it by the address, nothing to read the address from. */
export function recipientDigest(keys: Keyring, address: string, version = keys.newest): string {
  return keyedDigest(keys, 'mail-recipient', requireRecipient(address).toLowerCase(), version)
}

/** By every version of the secret, one of which the row was written with. */
export function recipientDigests(keys: Keyring, address: string): string[] {
  return keys.versions.map((version) => recipientDigest(keys, address, version))
}
