import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answer } from '../http/answer.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import { originOf, type Route, type RouteContext } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import { passkeyRequestOptions } from '../passkeys/authenticate-passkey.ts'
import { type Reproof, reauthenticate, reproofName } from '../reauthentication/reauthentication.ts'
import type { SessionGuard } from '../sessions/require-session.ts'
import { findMissingProof } from '../step-up/step-up.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { confirmContent } from './confirm-page.ts'
import { NO_PROBLEMS, type Problems, problemsOf } from './field-page.ts'
import type { Pages } from './pages.ts'
import { assertionIn } from './passkey-field.ts'
import { queryText, withQuery } from './query.ts'
import { parseReturnTo } from './return-to.ts'

const input = z.object({
  password: text.optional(),
  totp_code: text.optional(),
  passkey: text.optional(),
  return_to: text.optional(),
})

/** Where one proves again who one is, and goes on from to what asked for it. */
export function confirmRoutes(deps: Deps, pages: Pages, guard: SessionGuard, device: DeviceCookie): Route[] {
  async function show(c: RouteContext, returnTo: string | null, problems: Problems, refusal: AuthError | null): Promise<Answer> {
    const session = await guard.require(c)
    const missing = await findMissingProof(deps, session)
    if (missing === null) return pages.redirect(c, returnTo ?? '/account')
    const view = pages.open(c)
    const passkey = await passkeyRequestOptions(deps, { boundTo: reproofName(session), userId: session.user.id })
    const content = confirmContent(view, { missing, email: session.user.email, returnTo, problems, passkey })
    return pages.show(view, { title: view.texts.confirm.title, content, refusal })
  }

  return [
    {
      method: 'GET',
      path: '/account/confirm',
      summary: 'Prove who I am again',
      access: 'session',
      isPage: true,
      answers: { 200: { description: 'A page', contentType: 'text/html' }, 303: { description: 'Nothing is to be proved' } },
      handle: (c) => show(c, parseReturnTo(deps.config, queryText(c, 'return_to')), NO_PROBLEMS, null),
    },
    pages.form({
      action: 'confirm',
      summary: 'Prove who I am again',
      access: 'session',
      checksSecret: true,
      section: '/account/confirm',
      maxBytes: MAX_PASSKEY_BYTES,
      input,
      async submit(c, { return_to, ...fields }) {
        const session = await guard.require(c)
        const presentedDevice = device.read(c.ask.header('cookie'))
        const token = await reauthenticate(deps, session, { reproof: reproofIn(fields), presentedDevice, origin: originOf(c) })
        // Back to this page: where two are needed it asks for the other, and else it leads on.
        const onwards = withQuery('/account/confirm', { return_to: parseReturnTo(deps.config, return_to ?? null) })
        return pages.redirect(c, onwards, { 'set-cookie': guard.cookie.set(token) })
      },
      refused(c, refusal, { return_to }) {
        const { texts } = pages.open(c)
        const returnTo = parseReturnTo(deps.config, return_to ?? null)
        return show(c, returnTo, problemsOfProof(texts, refusal) ?? problemsOf(pages.open(c), refusal, ['password', 'totp_code']), refusal)
      },
    }),
  ]
}

function problemsOfProof(texts: ReturnType<Pages['open']>['texts'], { code }: AuthError): Problems | null {
  if (code === 'password_wrong') return { fields: { password: texts.errors.password_wrong }, whole: null }
  if (code === 'code_wrong') return { fields: { totp_code: texts.app.wrong }, whole: null }
  return code === 'passkey_refused' ? { fields: {}, whole: texts.passkeys.refused } : null
}

/** One of the page's forms. */
function reproofIn({ password, totp_code: totpCode, passkey }: Omit<z.infer<typeof input>, 'return_to'>): Reproof {
  const given = [password, totpCode, passkey].filter((one) => one !== undefined)
  // An empty field is a slip, not a guess that counts.
  if (given.length !== 1 || given[0] === '')
    throw new AuthError('field_required', { field: totpCode === undefined ? 'password' : 'totp_code' })
  if (password !== undefined) return { password }
  return passkey === undefined ? { totpCode } : { passkey: assertionIn(passkey) }
}
