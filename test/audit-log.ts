import type { AuditEvent } from '../src/audit/audit-event.ts'
import { recordEvent } from '../src/audit/record.ts'
import { makeSealer } from '../src/audit/sealer.ts'
import { type Verdict, verifyAudit } from '../src/audit/verify.ts'
import type { Deps } from '../src/deps.ts'

/** An event with every field that there is. */
export const FULL_EVENT: AuditEvent = {
  name: 'authn_login_success',
  outcome: 'success',
  actor: { user: 'user-1' },
  subject: 'user-1',
  session: 'session-1',
  origin: { address: '192.0.2.1', userAgent: 'Browser/1.0', requestId: 'request-1' },
  factors: ['pwd', 'otp'],
  reason: 'why',
  detail: 'sessions=2',
}

export type AuditDeps = Pick<Deps, 'database' | 'clock' | 'random' | 'keys' | 'log' | 'config'>

/** Write so many events, one transaction each, and seal them. */
export async function writeSealed(deps: AuditDeps, count: number): Promise<void> {
  for (let event = 0; event < count; event++) await deps.database.inTransaction((tx) => recordEvent(deps, tx, FULL_EVENT))
  await makeSealer(deps).stop()
}

export function verified(deps: AuditDeps, heads: Parameters<typeof verifyAudit>[1]['heads'] = []): Promise<Verdict> {
  return verifyAudit(deps, { heads, onRows: () => {} })
}

/** `[number, problem]` of what was found. */
export function problemsOf({ findings }: Verdict): [number | null, string][] {
  return findings.map(({ seq, problem }) => [seq, problem])
}
