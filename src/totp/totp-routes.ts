import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { endOthersIf } from '../factors/factors.ts'
import { endOthersField, type FactorRights, ticketField } from '../factors/require-factor-right.ts'
import type { Answers } from '../http/answer.ts'
import { type Route, readInput } from '../http/route.ts'
import { messageAnswer, text } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { findDevice } from '../throttles/device.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { qrCode } from './qr-code.ts'
import { beginTotp, confirmTotp, removeTotp } from './totp.ts'

const beginInput = z.object({ ticket: ticketField })
const confirmInput = z.object({ code: text, ticket: ticketField, end_other_sessions: endOthersField })
const removeInput = z.object({ end_other_sessions: endOthersField })

interface TotpParts {
  readonly guard: SessionGuard
  readonly rights: FactorRights
  readonly device: DeviceCookie
}

/** Authenticator apps: one an account. */
export function totpRoutes(deps: Deps, answers: Answers, { guard, rights, device }: TotpParts): Route[] {
  return [
    {
      method: 'POST',
      path: '/totp',
      summary: 'Begin to add an authenticator app',
      description:
        'The secret is shown this once, as text, as an `otpauth:` address and as a picture of it. It counts from its first code on, `PUT /totp`, which must come from the same session within 10 minutes; an app that is there already goes on until then. Needs a fresh proof (`POST /reauthentication`).',
      access: 'session',
      input: beginInput,
      answers: {
        200: { description: 'The secret, this once', body: z.strictObject({ secret: z.string(), uri: z.string(), qr_svg: z.string() }) },
      },
      refusals: ['session_required', 'step_up_required'],
      async handle(c) {
        const { right } = await rights.read(c, beginInput)
        const { secret, uri } = await beginTotp(deps, right)
        return answers.json(c.exchange, 200, { secret, uri, qr_svg: await qrCode(uri) })
      },
    },
    {
      method: 'PUT',
      path: '/totp',
      summary: 'Add the authenticator app with its first code',
      description:
        'From now on it is asked for at every login. The recovery codes are shown this once, and take the place of earlier ones. The session goes on under a new cookie; with a ticket, the login is complete.',
      access: 'session',
      checksSecret: true,
      input: confirmInput,
      answers: {
        200: {
          description: 'Added, with new cookies',
          body: z.strictObject({ message: z.literal('authenticator app added'), recovery_codes: z.array(z.string()) }),
        },
      },
      refusals: ['session_required', 'step_up_required', 'enrolment_not_found', 'code_wrong', 'too_many_attempts', 'busy'],
      async handle(c) {
        const { fields, right } = await rights.read(c, confirmInput)
        const known = await findDevice(deps, device.read(c.ask.header('cookie')), right.user.id)
        const { claimed, recoveryCodes } = await confirmTotp(deps, right, { code: fields.code, isKnownDevice: known !== null })
        const headers = await rights.finish(c, right, claimed, 'otp')
        await endOthersIf(deps, fields.end_other_sessions, { userId: right.user.id, sessionId: right.sessionId }, right.by)
        return answers.json(c.exchange, 200, { message: 'authenticator app added', recovery_codes: recoveryCodes }, headers)
      },
    },
    {
      method: 'DELETE',
      path: '/totp',
      summary: 'Remove the authenticator app',
      description: 'With the last second factor the recovery codes go too. Needs a fresh proof.',
      access: 'session',
      input: removeInput,
      answers: { 200: { description: 'Removed', body: messageAnswer('authenticator app removed') } },
      refusals: ['session_required', 'step_up_required', 'factor_not_found', 'last_factor'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        const fields = await readInput(c, removeInput, { unknownFields: 'refuse' })
        await removeTotp(deps, session.user, doneBy(c, session), (tx) => requireLiveIn(tx, session))
        await endOthersIf(deps, fields.end_other_sessions, { userId: session.user.id, sessionId: session.id }, doneBy(c, session))
        return answers.json(c.exchange, 200, { message: 'authenticator app removed' })
      },
    },
  ]
}
