import { z } from 'zod'
import { instant } from '../http/schemas.ts'
import { accountView, eventView, viewOfAccount, viewOfEvent } from './account-view.ts'
import type { OwnData } from './own-data.ts'

/** The document of all own data, the same for programs and for people. */
export const ownDataView = z.strictObject({
  exported_at: instant,
  account: accountView,
  sessions: z.array(
    z.strictObject({
      id: z.string(),
      created_at: instant,
      last_seen_at: instant,
      expires_at: instant,
      user_agent: z.string().nullable(),
      address: z.string().nullable(),
    }),
  ),
  passkeys: z.array(z.strictObject({ name: z.string(), created_at: instant, last_used_at: instant.nullable() })),
  recovery_codes_left: z.int(),
  devices: z.array(z.strictObject({ created_at: instant, last_used_at: instant })),
  mails: z.array(z.strictObject({ kind: z.string(), state: z.string(), created_at: instant, sent_at: instant.nullable() })),
  events: z.array(eventView),
})

export function viewOfOwnData(data: OwnData) {
  return {
    exported_at: data.exportedAt.toISOString(),
    account: viewOfAccount(data.user, data.factors),
    sessions: data.sessions.map((one) => ({
      id: one.id,
      created_at: one.createdAt.toISOString(),
      last_seen_at: one.lastSeenAt.toISOString(),
      expires_at: one.expiresAt.toISOString(),
      user_agent: one.userAgent,
      address: one.address,
    })),
    passkeys: data.passkeys.map((one) => ({
      name: one.name,
      created_at: one.createdAt.toISOString(),
      last_used_at: one.lastUsedAt?.toISOString() ?? null,
    })),
    recovery_codes_left: data.factors.recoveryCodes,
    devices: data.devices.map((one) => ({ created_at: one.createdAt.toISOString(), last_used_at: one.lastUsedAt.toISOString() })),
    mails: data.mails.map((one) => ({
      kind: one.kind,
      state: one.state,
      created_at: one.createdAt.toISOString(),
      sent_at: one.sentAt?.toISOString() ?? null,
    })),
    events: data.events.map(viewOfEvent),
  }
}
