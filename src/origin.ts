/** Where a request came from, as throttles, sessions and the audit log know it. */
export interface Origin {
  /** The client's canonical address (http/client-ip.ts); `null` where nobody said. */
  readonly address: string | null
  /** At most 256 characters. */
  readonly userAgent: string | null
  readonly requestId: string | null
}

/** For what the operator or an application does without a request. */
export const NO_ORIGIN: Origin = { address: null, userAgent: null, requestId: null }
