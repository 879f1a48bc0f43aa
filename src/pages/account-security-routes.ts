import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { findFactors } from '../factors/factors.ts'
import type { Route } from '../http/route.ts'
import { password } from '../http/schemas.ts'
import { listPasskeys } from '../passkeys/passkey.ts'
import { changePassword } from '../passwords/password.ts'
import { doneBy } from '../sessions/require-session.ts'
import { makeSection } from './account-section.ts'
import { securityContent } from './account-security-page.ts'
import { type FactorPageParts, factorPageRoutes } from './factor-page-routes.ts'
import { factorPanels } from './factors-page.ts'

/** What one logs in with. */
export function accountSecurityRoutes(deps: Deps, parts: FactorPageParts): Route[] {
  const { pages, guard, device } = parts
  const section = makeSection({ pages, guard }, 'security', async (shown) => {
    const { id } = shown.session.user
    const [factors, passkeys] = await Promise.all([findFactors(deps.database.reads, id), listPasskeys(deps, id)])
    return securityContent(shown, factorPanels(shown, factors, passkeys))
  })
  return [
    section.page,
    ...factorPageRoutes(deps, parts, section),
    pages.form({
      action: 'change-password',
      summary: 'Change my password',
      access: 'session',
      checksSecret: true,
      section: section.path,
      input: z.object({ current_password: password, new_password: password }),
      async submit(c, { current_password: current, new_password: next }) {
        const session = await guard.require(c)
        // An empty field is a slip, not a guess that counts.
        if (current === '') throw new AuthError('field_required', { field: 'current_password' })
        const presentedDevice = device.read(c.ask.header('cookie'))
        const { sessionToken, deviceToken } = await changePassword(deps, session, {
          current,
          next,
          presentedDevice,
          by: doneBy(c, session),
        })
        return section.done(c, 'password_changed', { 'set-cookie': [guard.cookie.set(sessionToken), device.set(deviceToken)] })
      },
      // What was typed stays out of it: no password comes back in a page.
      refused: (c, refusal) => section.refused(c, { action: 'change-password', refusal, fields: {} }),
    }),
  ]
}
