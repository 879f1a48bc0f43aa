import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput } from '../http/route.ts'
import { instant, messageAnswer } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { accountView, eventView, viewOfAccount, viewOfEvent } from './account-view.ts'
import { eraseUser } from './erase-user.ts'
import { exportOwnData } from './own-data.ts'

const noInput = z.object({})

const exportView = z.strictObject({
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

/** What the service holds on its user, and the end of it. */
export function ownDataRoutes(deps: Deps, answers: Answers, guard: SessionGuard, device: DeviceCookie): Route[] {
  return [
    {
      method: 'GET',
      path: '/account/export',
      summary: 'All my data',
      description:
        'Everything that the service holds on this account and that says something about its owner; no hash and no secret. Needs a factor proved within the last 10 minutes.',
      access: 'session',
      answers: { 200: { description: 'One JSON document', body: exportView } },
      refusals: ['session_required', 'step_up_required'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        const data = await exportOwnData(deps, session.user, doneBy(c, session))
        return answers.json(c.exchange, 200, {
          exported_at: new Date(deps.clock.now()).toISOString(),
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
        })
      },
    },
    {
      method: 'DELETE',
      path: '/account',
      summary: 'Erase my account',
      description:
        'At once and for good: the account, its sessions, devices, tokens and waiting mails. The audit log keeps its random id. Needs a factor proved within the last 10 minutes.',
      access: 'session',
      answers: { 200: { description: 'Erased', body: messageAnswer('account deleted') } },
      refusals: ['session_required', 'step_up_required'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        await readInput(c, noInput, { unknownFields: 'refuse' })
        await eraseUser(deps, session.user, doneBy(c, session), (tx) => requireLiveIn(tx, session))
        const headers = { 'set-cookie': [guard.cookie.clear(), device.clear()], ...answers.clearSiteData }
        return answers.json(c.exchange, 200, { message: 'account deleted' }, headers)
      },
    },
  ]
}
