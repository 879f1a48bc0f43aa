import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { FactorRights } from '../factors/require-factor-right.ts'
import { originOf, type RouteContext, readInput } from '../http/route.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import type { Session } from '../sessions/session.ts'
import { completeAfterAdding, rightOfSession, rightOfTicket } from './factor-rights.ts'
import type { LoginCookies } from './require-login-cookies.ts'
import { asSession } from './ticket.ts'

export function makeFactorRights(deps: Deps, guard: SessionGuard, cookies: LoginCookies): FactorRights {
  async function findSession(c: RouteContext): Promise<Session | null> {
    try {
      return await guard.require(c)
    } catch (error) {
      if (error instanceof AuthError && error.code === 'session_required') return null
      throw error
    }
  }

  return {
    async ofSession(c) {
      const session = await guard.require(c)
      return rightOfSession(deps, session, doneBy(c, session))
    },
    async read(c, schema, maxBytes) {
      const session = await findSession(c)
      const fields = await readInput(c, schema, { unknownFields: 'refuse', ...(maxBytes !== undefined && { maxBytes }) }).catch(
        (error: unknown) => {
          // Whoever has neither a session nor a readable ticket is told that, and nothing of the fields.
          throw error instanceof AuthError && session === null ? new AuthError('session_required', { logged: error.code }) : error
        },
      )
      // The schema has it, as text or not at all.
      const { ticket } = fields as z.infer<z.ZodObject<{ ticket: z.ZodOptional<z.ZodString> }>>
      if (ticket !== undefined) return { fields, right: await rightOfTicket(deps, ticket, originOf(c)).catch(asSession) }
      if (session === null) throw new AuthError('session_required')
      return { fields, right: await rightOfSession(deps, session, doneBy(c, session)) }
    },
    async finish(c, right, claimed, proved) {
      if (claimed.kind === 'session') return { 'set-cookie': guard.cookie.set(claimed.sessionToken) }
      return cookies.headersOf(await completeAfterAdding(deps, cookies.browserOf(c), { user: right.user, claimed, proved }))
    },
  }
}
