import type { Deps } from '../deps.ts'
import type { Route } from '../http/route.ts'
import { readMailbox } from '../mail/mail.ts'
import { mailboxContent } from './mailbox-page.ts'
import type { Pages } from './pages.ts'

/** The mails of classic, for people; hardened has no such page: its mails are for their recipients. */
export function mailboxPageRoutes(deps: Deps, pages: Pages): Route[] {
  if (deps.config.posture !== 'classic') return []
  return [
    {
      method: 'GET',
      path: '/dev/mailbox',
      summary: 'Mailbox',
      access: 'anyone',
      isPage: true,
      handsOutSecret: true,
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
      async handle(c) {
        // There is no form on it, so no cookie goes with it.
        const view = { ...pages.open(c), headers: {} }
        const content = mailboxContent(view, await readMailbox(deps))
        return pages.show(view, { layout: 'wide', title: view.texts.mailbox.title, content, script: false })
      },
    },
  ]
}
