import { z } from 'zod'
import type { LoggedEvent } from '../audit/audit-event.ts'
import { type Factors, factorNames } from '../factors/factors.ts'
import { instant } from '../http/schemas.ts'
import type { User } from '../users/user.ts'

/** What users see of their account and of what happened to it. */
export const accountView = z.strictObject({
  id: z.string(),
  email: z.string(),
  email_verified: z.boolean(),
  name: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  created_at: instant,
  factors: z.array(z.enum(['password', 'totp', 'recovery_code', 'passkey'])),
  password_changed_at: instant.nullable(),
})

export function viewOfAccount(user: User, factors: Factors) {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    metadata: user.metadata,
    created_at: user.createdAt.toISOString(),
    factors: factorNames(factors),
    password_changed_at: user.passwordChangedAt?.toISOString() ?? null,
  }
}

export const eventView = z.strictObject({
  id: z.string(),
  at: instant,
  event: z.string(),
  outcome: z.enum(['success', 'failure']),
  by: z.enum(['user', 'operator', 'application', 'service', 'nobody']),
  session_id: z.string().nullable(),
  address: z.string().nullable(),
  user_agent: z.string().nullable(),
  factors: z.array(z.string()),
  reason: z.string().nullable(),
})

export function viewOfEvent(event: LoggedEvent) {
  return {
    id: event.id,
    at: event.at.toISOString(),
    event: event.name,
    outcome: event.outcome,
    by: event.actor.replace(/:.*/, ''),
    session_id: event.session,
    address: event.address,
    user_agent: event.userAgent,
    factors: event.factors,
    reason: event.reason,
  }
}
