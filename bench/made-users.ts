import { hash } from 'node:crypto'

// User number n of a filled database, computed rather than remembered, so that any of ten million can be asked for.
// fill-postgres.ts says the same in SQL; were it anything else, the bench would find neither session nor address, and say so.

/** What the cookie of user n's session holds: 32 bytes in base64url, as the service makes them. */
export function tokenOf(n: number): string {
  return hash('sha256', `token ${n}`, 'buffer').toString('base64url')
}

export function tokenHashOf(n: number): Buffer {
  return hash('sha256', tokenOf(n), 'buffer')
}

export const userIdOf = (n: number) => uuidOf(`user ${n}`)
export const sessionIdOf = (n: number) => uuidOf(`session ${n}`)

/** Version 4 in form, and as scattered as a random one. */
function uuidOf(text: string): string {
  const hex = hash('md5', text)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** In no order, as people's addresses are; the number keeps them apart. */
export function emailOf(n: number): string {
  return `${hash('md5', `email ${n}`).slice(0, 8)}.${n}@example.com`
}

/** An Argon2id hash in form and length (PHC string, 97 characters); no password fits it. */
export function passwordHashOf(n: number): string {
  const salt = hash('md5', `salt ${n}`, 'base64').slice(0, 22)
  return `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${hash('sha256', `hash ${n}`, 'base64').slice(0, 43)}`
}

export const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
export const ADDRESS = '203.0.113.77'

const DAY_MILLISECONDS = 24 * 60 * 60 * 1_000
export const ABSOLUTE_MILLISECONDS = 30 * DAY_MILLISECONDS

/**
 * When things happened to user n, scattered so that the indexes on instants grow in the middle as in use. Last seen within three hours from the fill on:
 * so no session check of the run is due to write it, and what is measured is the check.
 */
export function instantsOf(n: number, filledAt: number): { readonly createdAt: number; readonly lastSeenAt: number } {
  // The fractional part of multiples of the golden ratio: even, and in no order.
  const scattered = (n * 0.6180339887498949) % 1
  return {
    createdAt: filledAt - Math.floor(scattered * DAY_MILLISECONDS),
    lastSeenAt: filledAt + Math.floor(((scattered * 7) % 1) * (DAY_MILLISECONDS / 8)),
  }
}
