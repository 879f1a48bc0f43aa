import { z } from 'zod'
import { instant } from '../http/schemas.ts'
import type { ListedSession } from './session.ts'

/** A session as its owner sees it in a list. */
export const listedSessionView = z.strictObject({
  id: z.string(),
  created_at: instant,
  last_seen_at: instant,
  expires_at: instant,
  user_agent: z.string().nullable(),
  address: z.string().nullable(),
})

export function viewOfListed(session: ListedSession): z.infer<typeof listedSessionView> {
  return {
    id: session.id,
    created_at: session.createdAt.toISOString(),
    last_seen_at: session.lastSeenAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    user_agent: session.userAgent,
    address: session.address,
  }
}
