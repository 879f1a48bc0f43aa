import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput } from '../http/route.ts'
import { messageAnswer } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { eraseUser } from './erase-user.ts'
import { exportOwnData } from './own-data.ts'
import { ownDataView, viewOfOwnData } from './own-data-view.ts'

const noInput = z.object({})

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
      answers: { 200: { description: 'One JSON document', body: ownDataView } },
      refusals: ['session_required', 'step_up_required'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        const data = await exportOwnData(deps, session.user, doneBy(c, session))
        return answers.json(c.exchange, 200, viewOfOwnData(data))
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
