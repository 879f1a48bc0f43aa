import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answers } from '../http/answer.ts'
import type { Route } from '../http/route.ts'
import { readMailbox } from './mail.ts'

const mailBody = z.strictObject({
  id: z.string(),
  kind: z.string(),
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  created_at: z.string(),
})

/** Hardened has no such route: its mails are for their recipients. */
export function mailRoutes(deps: Deps, answers: Answers): Route[] {
  return deps.config.posture === 'classic' ? [mailboxRoute(deps, answers)] : []
}

function mailboxRoute(deps: Deps, answers: Answers): Route {
  return {
    method: 'GET',
    path: '/dev/mailbox',
    summary: 'Mails that would have been sent',
    description:
      'Only in the classic posture. What was mailed in the last day, newest first, at most 200; nothing where SMTP_URL is set and has sent it.',
    access: 'anyone',
    handsOutSecret: true,
    answers: { 200: { description: 'The mails; a page for browsers', body: z.strictObject({ mails: z.array(mailBody) }) } },
    async handle(c) {
      const mails = await readMailbox(deps)
      const views = mails.map(({ createdAt, ...mail }) => ({ ...mail, created_at: createdAt.toISOString() }))
      return answers.json(c.exchange, 200, { mails: views })
    },
  }
}
