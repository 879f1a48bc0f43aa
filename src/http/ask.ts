/**
 * One request as this service reads it, whichever server it came through: a `Request` of the library form (fetch-shell.ts), or Node's own message
 * (node-handler.ts). Making the former out of the latter would cost as much as the whole session check (docs/adr/0003-http.md).
 */
export interface Ask {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly target: string
  /** The client's address: a socket's, or what the application says. */
  readonly peer: string | null
  /** True where `peer` is a socket's, so that a trusted proxy's `X-Forwarded-For` may speak for it. */
  readonly isSocketAddress: boolean
  /** By its name in lower case; several lines of one name are joined, so that nobody reads one and trusts another. */
  header(name: string): string | null
  /**
   * The whole body.
   *
   * @throws AuthError `body_too_large` - as soon as more than `limit` bytes are there, whatever the headers say
   * @throws AuthError `body_malformed` - cut off, or read by somebody before us
   */
  readBytes(limit: number): Promise<Uint8Array>
}
