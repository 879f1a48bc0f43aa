import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { endOthersIf } from '../factors/factors.ts'
import { endOthersField, type FactorRights, ticketField } from '../factors/require-factor-right.ts'
import type { Answers } from '../http/answer.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import { type Route, readInput } from '../http/route.ts'
import { instant, messageAnswer, text } from '../http/schemas.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { listPasskeys, parsePasskeyName, removePasskey, renamePasskey } from './passkey.ts'
import { creationOptions, registrationResponse } from './passkey-json.ts'
import { addPasskey, passkeyCreationOptions } from './register-passkey.ts'

const optionsInput = z.object({ ticket: ticketField })
const addInput = z.object({
  passkey: registrationResponse,
  name: text.optional().meta({ description: 'At most 64 characters; else "Passkey".' }),
  ticket: ticketField,
  end_other_sessions: endOthersField,
})
const renameInput = z.object({ name: text })
const removeInput = z.object({ end_other_sessions: endOthersField })

export const passkeyView = z.strictObject({
  id: z.string(),
  name: z.string(),
  backed_up: z.boolean(),
  created_at: instant,
  last_used_at: instant.nullable(),
})

interface PasskeyParts {
  readonly guard: SessionGuard
  readonly rights: FactorRights
}

/** Add, list, rename and remove passkeys. Logging in with one is login/. */
export function passkeyRoutes(deps: Deps, answers: Answers, { guard, rights }: PasskeyParts): Route[] {
  return [
    {
      method: 'POST',
      path: '/passkeys/options',
      summary: 'Begin to add a passkey',
      description:
        "Hand the answer to the browser's `navigator.credentials.create`, and what it makes to `POST /passkeys`. Good for 5 minutes and one try, in this session. Needs a fresh proof (`POST /reauthentication`).",
      access: 'session',
      input: optionsInput,
      answers: { 200: { description: 'Options for the browser', body: creationOptions } },
      refusals: ['session_required', 'step_up_required'],
      async handle(c) {
        const { right } = await rights.read(c, optionsInput)
        return answers.json(c.exchange, 200, await passkeyCreationOptions(deps, right))
      },
    },
    {
      method: 'POST',
      path: '/passkeys',
      summary: 'Add a passkey',
      description:
        'It logs in by itself, without an address, and is a second factor beside the password. `recovery_codes` are shown this once, where there were none. The session goes on under a new cookie; with a ticket, the login is complete.',
      access: 'session',
      input: addInput,
      answers: {
        200: {
          description: 'Added, with new cookies',
          body: z.strictObject({
            message: z.literal('passkey added'),
            id: z.string(),
            recovery_codes: z.array(z.string()).optional(),
          }),
        },
      },
      refusals: ['session_required', 'step_up_required', 'passkey_refused', 'too_many_passkeys', 'busy'],
      async handle(c) {
        const { fields, right } = await rights.read(c, addInput, MAX_PASSKEY_BYTES)
        const { id, claimed, recoveryCodes } = await addPasskey(deps, right, { response: fields.passkey, name: fields.name ?? 'Passkey' })
        const headers = await rights.finish(c, right, claimed, 'pop')
        await endOthersIf(deps, fields.end_other_sessions, { userId: right.user.id, sessionId: right.sessionId }, right.by)
        const body = { message: 'passkey added', id, ...(recoveryCodes && { recovery_codes: recoveryCodes }) }
        return answers.json(c.exchange, 200, body, headers)
      },
    },
    {
      method: 'GET',
      path: '/passkeys',
      summary: 'My passkeys',
      access: 'session',
      answers: { 200: { description: 'The oldest first', body: z.strictObject({ passkeys: z.array(passkeyView) }) } },
      refusals: ['session_required'],
      async handle(c) {
        const { user } = await guard.require(c)
        const passkeys = await listPasskeys(deps, user.id)
        return answers.json(c.exchange, 200, {
          passkeys: passkeys.map((one) => ({
            id: one.id,
            name: one.name,
            backed_up: one.isBackedUp,
            created_at: one.createdAt.toISOString(),
            last_used_at: one.lastUsedAt?.toISOString() ?? null,
          })),
        })
      },
    },
    {
      method: 'PATCH',
      path: '/passkeys/:id',
      summary: 'Rename a passkey',
      access: 'session',
      input: renameInput,
      answers: { 200: { description: 'Renamed', body: messageAnswer('passkey renamed') } },
      refusals: ['session_required', 'factor_not_found'],
      async handle(c) {
        const { user } = await guard.require(c)
        const fields = await readInput(c, renameInput, { unknownFields: 'refuse' })
        await renamePasskey(deps, { userId: user.id, id: c.params.id ?? '', name: parsePasskeyName(fields.name) })
        return answers.json(c.exchange, 200, { message: 'passkey renamed' })
      },
    },
    {
      method: 'DELETE',
      path: '/passkeys/:id',
      summary: 'Remove a passkey',
      description: 'It is refused from the next request on. With the last second factor the recovery codes go too. Needs a fresh proof.',
      access: 'session',
      input: removeInput,
      answers: { 200: { description: 'Removed', body: messageAnswer('passkey removed') } },
      refusals: ['session_required', 'step_up_required', 'factor_not_found', 'last_factor'],
      async handle(c) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        const fields = await readInput(c, removeInput, { unknownFields: 'refuse' })
        const passkey = { user: session.user, id: c.params.id ?? '' }
        await removePasskey(deps, passkey, doneBy(c, session), (tx) => requireLiveIn(tx, session))
        await endOthersIf(deps, fields.end_other_sessions, { userId: session.user.id, sessionId: session.id }, doneBy(c, session))
        return answers.json(c.exchange, 200, { message: 'passkey removed' })
      },
    },
  ]
}
