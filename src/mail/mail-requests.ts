import { openSealedText } from '../crypto/sealed-text.ts'
import type { Db } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import type { MailRequestKind } from './mail.ts'
import { consumeMailRequest, findDueRequests, type MailRequestRow, postponeMailRequest } from './mail-store.ts'
import { backoff } from './retry.ts'

/** What a feature does with a request of its kind: look whom it concerns, and queue a mail or none. No hashing, no I/O. */
export type MailResolver = (tx: Db, subject: string) => Promise<void>
export type MailResolvers = Readonly<Partial<Record<MailRequestKind, MailResolver>>>

const BATCH = 50
/** With the waits between them three quarters of an hour to an hour and a half; what fails then will not go better later. */
const MAX_ATTEMPTS = 10
const MAX_BACKOFF_MILLISECONDS = 3_600_000

/** @returns the function that resolves what is due, and says how many that was */
export function makeRequestResolver(
  deps: Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log'>,
  resolvers: MailResolvers,
): (stop: AbortSignal) => Promise<number> {
  const { database, clock, random, keys, log } = deps
  const kinds = Object.keys(resolvers)

  /** Deleting the request and what its resolver writes are one transaction: it is resolved once, or it is still there. */
  async function resolve(request: MailRequestRow): Promise<void> {
    const { id } = request
    // Only rows of these kinds were asked for.
    const resolver = resolvers[request.kind as MailRequestKind]
    try {
      const subject = openSealedText(keys, { label: 'outbox', rowId: id }, request.subject)
      if (subject === null) throw new Error('sealed with a secret that is not there any more')
      await database.inTransaction(async (tx) => {
        if (await consumeMailRequest(tx, id)) await resolver?.(tx, subject)
      })
    } catch (error) {
      await failed(request, error as Error)
    }
  }

  async function failed(request: MailRequestRow, error: Error): Promise<void> {
    const { id, kind } = request
    const attempts = request.attempts + 1
    // Its message may say whom it concerns; where it happened does not.
    const at = error.stack?.match(/^ +at .*$/gm)?.slice(0, 5)
    const line = { mail_request: id, kind, attempts, reason: error.name, at }
    if (attempts >= MAX_ATTEMPTS) {
      await database.inTransaction((tx) => consumeMailRequest(tx, id))
      return log.error({ event: 'mail_request_dropped', ...line })
    }
    const dueAt = clock.now() + backoff(random, attempts, MAX_BACKOFF_MILLISECONDS)
    await database.inTransaction((tx) => postponeMailRequest(tx, request, dueAt))
    log.warn({ event: 'mail_request_failed', ...line })
  }

  return async (stop) => {
    if (kinds.length === 0) return 0
    const due = await findDueRequests(database.reads, kinds, clock.now(), BATCH)
    for (const request of due) {
      if (stop.aborted) break
      await resolve(request)
    }
    return due.length
  }
}
