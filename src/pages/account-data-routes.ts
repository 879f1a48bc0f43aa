import { z } from 'zod'
import { eraseUser } from '../account/erase-user.ts'
import { exportOwnData } from '../account/own-data.ts'
import { viewOfOwnData } from '../account/own-data-view.ts'
import type { Deps } from '../deps.ts'
import { AuthError, invalidField } from '../errors.ts'
import type { Answers } from '../http/answer.ts'
import type { Route } from '../http/route.ts'
import { email } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import { dataContent } from './account-data-page.ts'
import { makeSection } from './account-section.ts'
import type { Pages } from './pages.ts'

/** Saved, and never shown by the browser. */
const AS_FILE = { 'content-disposition': 'attachment; filename="bienvenue-export.json"' }

/** All that the service holds on its user, as a file, and the end of it. */
export function accountDataRoutes(deps: Deps, answers: Answers, pages: Pages, guard: SessionGuard, device: DeviceCookie): Route[] {
  const section = makeSection({ pages, guard }, 'data', dataContent)
  return [
    section.page,
    pages.form({
      action: 'export',
      summary: 'Download all my data',
      access: 'session',
      section: section.path,
      input: z.object({}),
      async submit(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        const data = await exportOwnData(deps, session.user, doneBy(c, session))
        return answers.json(c.exchange, 200, viewOfOwnData(data), AS_FILE)
      },
      refused: (c, refusal) => section.refused(c, { action: 'export', refusal, fields: {} }),
    }),
    pages.form({
      action: 'delete-account',
      summary: 'Erase my account',
      access: 'session',
      section: section.path,
      input: z.object({ email }),
      async submit(c, fields) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        requireSameAddress(fields.email.trim(), session.user.email)
        await eraseUser(deps, session.user, doneBy(c, session), (tx) => requireLiveIn(tx, session))
        const headers = { 'set-cookie': [guard.cookie.clear(), device.clear()], ...answers.clearSiteData }
        return pages.redirect(c, '/login?done=account_deleted', headers)
      },
      refused: (c, refusal, fields) => section.refused(c, { action: 'delete-account', refusal, fields }),
    }),
  ]
}

/** What was typed to confirm names the account, however it is spelt. */
function requireSameAddress(typed: string, own: string): void {
  if (typed === '') throw new AuthError('field_required', { field: 'email' })
  const address = parseEmailAddress(typed)
  if (address === null || address.canonical !== parseEmailAddress(own)?.canonical)
    throw invalidField('email', 'The field "email" is not the address of this account.')
}
