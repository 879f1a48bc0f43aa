/** What a person proves who they are with, as far as it can be guessed. A 256-bit token cannot; those who try one are counted by their address only. */
export type Authenticator = 'password' | 'login_code' | 'second_factor'

/** How long a bucket is closed after so many failures in a row. */
export interface Ladder {
  /** In rising order: from so many failures on, each further one closes the bucket for so long. */
  readonly waits: readonly { readonly failures: number; readonly milliseconds: number }[]
  /** Failures in a row after which the authenticator lets no stranger in until it is bound anew. */
  readonly disabledAt: number | null
  /** A series that has seen no failure for so long is over. */
  readonly forgottenMilliseconds: number
}

/** So many events from the first one on, within so long. */
export interface Window {
  readonly name: string
  readonly most: number
  readonly milliseconds: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** CHECKLIST R039 (NIST SP 800-63B-4 section 3.2.2: from 30 seconds up to an hour). */
export const FAILURES_BEFORE_WAIT = 5
export const FIRST_WAIT_MILLISECONDS = 30 * SECOND
export const LONGEST_WAIT_MILLISECONDS = HOUR
/** CHECKLIST R040 (the same section: no more than 100). */
export const FAILURES_BEFORE_DISABLED = 100
/** CHECKLIST R046. */
export const CODE_WAIT_MILLISECONDS = 15 * MINUTE
/**
 * The same for users and for addresses that nobody has, or waiting would tell them apart (R036). Long enough that whoever waits for it has a few hundred tries
 * a year, short enough that rows for addresses that nobody has do not pile up.
 */
export const SERIES_FORGOTTEN_MILLISECONDS = 90 * DAY

/** CHECKLIST R042. */
export const ADDRESS_FAILURES_BEFORE_BLOCK = 10
export const ADDRESS_BLOCK_MILLISECONDS = 10 * MINUTE
/** So many accounts within so long close an address for as long again. */
export const SPRAYING = { accounts: 20, milliseconds: 10 * MINUTE } as const
/** Nine failures a day from one address are a person's. */
const ADDRESS_FORGOTTEN_MILLISECONDS = DAY

/** A browser that has logged in (CHECKLIST R041, R081: RFC 6265bis section 5.5 has browsers forget a cookie after 400 days). */
export const MAX_DEVICES_PER_USER = 10
export const DEVICE_SECONDS = 400 * 86_400

/** 30 s, doubling with every failure, to an hour. */
function passwordWaits(): Ladder['waits'] {
  const waits = []
  let milliseconds = FIRST_WAIT_MILLISECONDS
  for (let failures = FAILURES_BEFORE_WAIT; milliseconds < LONGEST_WAIT_MILLISECONDS; failures++) {
    waits.push({ failures, milliseconds })
    milliseconds *= 2
  }
  return [...waits, { failures: FAILURES_BEFORE_WAIT + waits.length, milliseconds: LONGEST_WAIT_MILLISECONDS }]
}

const codes: Ladder = {
  waits: [{ failures: FAILURES_BEFORE_WAIT, milliseconds: CODE_WAIT_MILLISECONDS }],
  disabledAt: FAILURES_BEFORE_DISABLED,
  forgottenMilliseconds: SERIES_FORGOTTEN_MILLISECONDS,
}

export const LADDERS: Readonly<Record<Authenticator, Ladder>> = {
  password: { waits: passwordWaits(), disabledAt: FAILURES_BEFORE_DISABLED, forgottenMilliseconds: SERIES_FORGOTTEN_MILLISECONDS },
  login_code: codes,
  second_factor: codes,
}

export const AUTHENTICATORS = Object.keys(LADDERS) as readonly Authenticator[]

export const ADDRESS_LADDER: Ladder = {
  waits: [{ failures: ADDRESS_FAILURES_BEFORE_BLOCK, milliseconds: ADDRESS_BLOCK_MILLISECONDS }],
  disabledAt: null,
  forgottenMilliseconds: ADDRESS_FORGOTTEN_MILLISECONDS,
}

/** CHECKLIST R050, R051. */
export const WINDOWS = {
  mail_recipient: [
    { name: 'hour', most: 3, milliseconds: HOUR },
    { name: 'day', most: 10, milliseconds: DAY },
  ],
  mail_origin: [{ name: 'hour', most: 20, milliseconds: HOUR }],
  registration: [{ name: 'hour', most: 10, milliseconds: HOUR }],
} as const satisfies Record<string, readonly Window[]>
