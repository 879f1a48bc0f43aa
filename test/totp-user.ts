import { issueTicket } from '../src/login/ticket.ts'
import { issueSession } from '../src/sessions/session.ts'
import { addUser } from './every-token.ts'
import { GOOD_PASSWORD, type HardenedApp } from './hardened-app.ts'
import { type EnrolledTotp, enrolTotp, ticketOf } from './second-factors.ts'
import type { TestApp, TestResponse } from './test-app.ts'

/** An account with {@link GOOD_PASSWORD} and an authenticator app, its mails sent, and a session that has just proved both. */
export async function addTotpUser(app: HardenedApp, email = 'ann@example.com'): Promise<EnrolledTotp & { readonly id: string }> {
  const id = await addUser(app, email)
  const enrolled = await enrolTotp(app, await app.logIn(email, GOOD_PASSWORD))
  await app.newMails()
  return { id, ...enrolled }
}

/** A whole login: the password, then this. */
export async function completeWith(app: HardenedApp, factor: object, email = 'ann@example.com', cookie?: string): Promise<TestResponse> {
  const ticket = await ticketOf(app, email, GOOD_PASSWORD)
  return app.request('PUT', '/sessions', { json: { ticket, ...factor }, ...(cookie && { headers: { cookie } }) })
}

/** So many logins that wait for their second factor, without the time that so many passwords take. */
export async function manyTickets({ auth: { deps } }: TestApp, userId: string, count: number): Promise<string[]> {
  return deps.database.inTransaction(async (tx) => {
    const tickets: string[] = []
    for (let made = 0; made < count; made++) tickets.push(await issueTicket(deps, tx, { userId, amr: ['pwd'] }))
    return tickets
  })
}

/** So many sessions that have proved this. */
export async function manySessions({ auth: { deps } }: TestApp, userId: string, count: number, amr: readonly string[] = ['pwd']) {
  return deps.database.inTransaction(async (tx) => {
    const sessions: string[] = []
    for (let made = 0; made < count; made++) {
      const { token } = await issueSession(deps, tx, { userId, amr, address: null, userAgent: null, requestId: null })
      sessions.push(token)
    }
    return sessions
  })
}

/** How many answers there were of each status. */
export function statusesOf(answers: readonly { readonly status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
