import { z } from 'zod'
import { requestAddressChange } from '../address-change/address-change.ts'
import type { Deps } from '../deps.ts'
import { originOf, type Route } from '../http/route.ts'
import { email, text } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { updateUser } from '../users/user.ts'
import { profileContent } from './account-profile-page.ts'
import { makeSection } from './account-section.ts'
import type { Pages } from './pages.ts'

/** Who one is: the name, and the address. */
export function accountProfileRoutes(deps: Deps, pages: Pages, guard: SessionGuard): Route[] {
  const section = makeSection({ pages, guard }, 'profile', profileContent)
  return [
    section.page,
    pages.form({
      action: 'change-name',
      summary: 'Change my name',
      access: 'session',
      section: section.path,
      input: z.object({ name: text }),
      async submit(c, { name }) {
        const session = await guard.require(c)
        await updateUser(deps, session.user.id, { name: name.trim() }, doneBy(c, session))
        return section.done(c, 'name_saved')
      },
      refused: (c, refusal, fields) => section.refused(c, { action: 'change-name', refusal, fields }),
    }),
    pages.form({
      action: 'change-address',
      summary: 'Ask for another address',
      access: 'session',
      checksSecret: true,
      section: section.path,
      input: z.object({ email }),
      async submit(c, fields) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        await requestAddressChange(deps, session, { email: fields.email.trim(), origin: originOf(c) })
        return section.done(c, 'address_requested')
      },
      refused: (c, refusal, fields) => section.refused(c, { action: 'change-address', refusal, fields }),
    }),
  ]
}
