/**
 * How a user proved who they are, as sessions, tickets and the audit log keep it: words of RFC 8176 where it has one. `pop` is a passkey, which verified its user: two
 * factors in one. `email` is a mailed code or link, `recovery_code` one of ten that stand in for a second factor, `application` the word of a trusted application.
 */
export type Proof = 'pwd' | 'email' | 'otp' | 'recovery_code' | 'pop' | 'application'

const SECOND_FACTORS: readonly string[] = ['otp', 'recovery_code', 'pop'] satisfies Proof[]

/** A second factor, or two in one, is among what was proved. A mailed code never is (CHECKLIST R141, D15). */
export function provesSecondFactor(amr: readonly string[]): boolean {
  return amr.some((proof) => SECOND_FACTORS.includes(proof))
}

/** Each proof once, with `mfa` (RFC 8176 section 2) where they are two factors together. */
export function unitedAmr(...lists: readonly (readonly string[])[]): string[] {
  const proofs = [...new Set(lists.flat())].filter((proof) => proof !== 'mfa')
  const hasFirst = proofs.includes('pwd') || proofs.includes('email')
  return proofs.includes('pop') || (hasFirst && provesSecondFactor(proofs)) ? [...proofs, 'mfa'] : proofs
}

/** Enough for a session where a second factor is required of everyone. An application vouches for its users by itself. */
export function isFullLogin(amr: readonly string[]): boolean {
  return amr.includes('mfa') || amr.includes('application')
}
