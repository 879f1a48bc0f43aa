/** What the front door knows of one request, finds out about it, and hands on to its route. */
export interface Exchange {
  readonly requestId: string
  /** The client as throttles, sessions and the log know it: behind trusted proxies the right-most address that is not one of them. */
  readonly clientAddress: string | null
  /** The allowed origin that asked, to be echoed by CORS. */
  readonly corsOrigin: string | null
  /** For the log: the code of a refusal and its true reason. */
  refusal: { code: string; reason: string | undefined } | null
  /** For the log: the route's pattern, never the path, which may hold an id or a secret. */
  route: string | null
  /** The route is a page or the form of one. */
  isPage: boolean
  /** The path has one answer for programs and another for people. */
  variesByAccept: boolean
}
