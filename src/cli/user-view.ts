import type { User } from '../users/user.ts'

/** A user as scripts see one. */
export function viewOf(user: User) {
  return {
    id: user.id,
    external_id: user.externalId,
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    metadata: user.metadata,
    has_password: user.hasPassword,
    disabled: user.disabled,
    created_at: user.createdAt.toISOString(),
    password_changed_at: user.passwordChangedAt?.toISOString() ?? null,
  }
}
