import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { AuthError } from '../errors.ts'
import type { FactorRights } from '../factors/require-factor-right.ts'
import type { Answer, AnswerHeaders } from '../http/answer.ts'
import type { Html } from '../http/page.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import { originOf, type Route, type RouteContext } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import { parsePasskeyName, removePasskey, renamePasskey } from '../passkeys/passkey.ts'
import { addPasskey } from '../passkeys/register-passkey.ts'
import { renewRecoveryCodes } from '../recovery-codes/recovery-code.ts'
import { doneBy, type SessionGuard } from '../sessions/require-session.ts'
import { requireLiveIn, type Session } from '../sessions/session.ts'
import { requireStepUp } from '../step-up/step-up.ts'
import { findDevice } from '../throttles/device.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { qrCode } from '../totp/qr-code.ts'
import { beginTotp, confirmTotp, removeTotp } from '../totp/totp.ts'
import type { Section } from './account-section.ts'
import { accountNav, browserText } from './account-section-page.ts'
import type { DoneWord } from './account-sections.ts'
import { addPasskeyContent } from './factors-page.ts'
import { field, NO_PROBLEMS, type Problems, problemsOf } from './field-page.ts'
import type { Pages, View } from './pages.ts'
import { registrationIn } from './passkey-field.ts'
import { passkeyForm } from './passkey-form-page.ts'
import { recoveryCodesContent } from './recovery-codes-page.ts'
import { totpBeginContent, totpSetUpContent } from './totp-page.ts'

export interface FactorPageParts {
  readonly pages: Pages
  readonly guard: SessionGuard
  readonly rights: FactorRights
  readonly device: DeviceCookie
}

const PASSKEY_PATH = '/account/security/passkey'
const APP_PATH = '/account/security/app'

/** The pages and forms that add and remove factors, below the section that lists them. */
export function factorPageRoutes(deps: Deps, { pages, guard, rights, device }: FactorPageParts, section: Section): Route[] {
  function show(
    view: View,
    title: string,
    content: Html,
    more: { readonly refusal?: AuthError; readonly headers?: AnswerHeaders } = {},
  ): Promise<Answer> {
    return pages.show(view, { layout: 'account', nav: accountNav(view, 'security'), title, content, ...more })
  }

  /** A page of one's own that shows a form for what takes a fresh proof: it is asked for before, not after the form is filled in. */
  function provenPage(path: string, summary: string, render: (c: RouteContext) => Promise<Answer>): Route {
    return {
      method: 'GET',
      path,
      summary,
      access: 'session',
      isPage: true,
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
      async handle(c) {
        await requireStepUp(deps, await guard.require(c))
        return render(c)
      },
    }
  }

  function showCodes(c: RouteContext, codes: readonly string[], done: DoneWord, headers: AnswerHeaders): Promise<Answer> {
    const view = pages.open(c)
    const onwards = `${deps.config.publicUrl.pathPrefix}${section.path}?done=${done}`
    return show(view, view.texts.recoveryCodes.shownTitle, recoveryCodesContent(view, codes, onwards), { headers })
  }

  function showAddPasskey(c: RouteContext, tried: { readonly refusal: AuthError; readonly name: string } | null): Promise<Answer> {
    const view = pages.open(c)
    const { passkeys } = view.texts
    const isRefused = tried?.refusal.code === 'passkey_refused'
    const problems = isRefused ? { fields: {}, whole: passkeys.cancelled } : problemsOf(view, tried?.refusal ?? null, ['name'])
    const name = tried?.name ?? browserText(view, originOf(c).userAgent)
    const content = passkeyForm(view, {
      action: 'add-passkey',
      ceremony: { kind: 'create', freshFrom: '/passkeys/options' },
      fields: field({ name: 'name', label: passkeys.name, autocomplete: 'off', value: name, hint: passkeys.nameHint, problems }),
      label: passkeys.create,
    })
    const page = addPasskeyContent(view, content, problems.whole)
    return show(view, passkeys.addTitle, page, { ...(tried && { refusal: tried.refusal }) })
  }

  function showSetUp(
    c: RouteContext,
    shown: Parameters<typeof totpSetUpContent>[1]['shown'],
    problems: Problems,
    refusal?: AuthError,
  ): Promise<Answer> {
    const view = pages.open(c)
    const content = totpSetUpContent(view, { shown, problems, confirm: 'confirm-app', begin: 'begin-app' })
    return show(view, view.texts.app.setUpTitle, content, refusal && { refusal })
  }

  /** A form of the section itself, for what takes a fresh proof. */
  function sectionForm<T extends z.ZodObject>(
    action: string,
    summary: string,
    input: T,
    submit: (c: RouteContext, session: Session, fields: z.infer<T>) => Promise<Answer>,
  ): Route {
    return pages.form({
      action,
      summary,
      access: 'session',
      section: section.path,
      input,
      async submit(c, fields) {
        const session = await guard.require(c)
        await requireStepUp(deps, session)
        return submit(c, session, fields)
      },
      refused: (c, refusal, fields) =>
        section.refused(c, {
          action,
          refusal,
          fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)])),
        }),
    })
  }

  return [
    provenPage(PASSKEY_PATH, 'Add a passkey', (c) => showAddPasskey(c, null)),
    pages.form({
      action: 'add-passkey',
      summary: 'Add a passkey',
      access: 'session',
      checksSecret: true,
      section: PASSKEY_PATH,
      maxBytes: MAX_PASSKEY_BYTES,
      input: z.object({ name: text, passkey: text }),
      async submit(c, { name, passkey }) {
        const right = await rights.ofSession(c)
        const { claimed, recoveryCodes } = await addPasskey(deps, right, { response: registrationIn(passkey), name })
        const headers = await rights.finish(c, right, claimed, 'pop')
        return recoveryCodes ? showCodes(c, recoveryCodes, 'passkey_added', headers) : section.done(c, 'passkey_added', headers)
      },
      refused: (c, refusal, { name = '' }) => showAddPasskey(c, { refusal, name }),
    }),
    provenPage(APP_PATH, 'Set up an authenticator app', (c) => {
      const view = pages.open(c)
      return show(view, view.texts.app.setUpTitle, totpBeginContent(view, { begin: 'begin-app' }))
    }),
    pages.form({
      action: 'begin-app',
      summary: 'Show the secret of an authenticator app',
      access: 'session',
      section: APP_PATH,
      input: z.object({}),
      async submit(c) {
        const { secret, uri } = await beginTotp(deps, await rights.ofSession(c))
        return showSetUp(c, { secret, uri, picture: await qrCode(uri) }, NO_PROBLEMS)
      },
      refused: (c, refusal) => showSetUp(c, null, problemsOf(pages.open(c), refusal, []), refusal),
    }),
    pages.form({
      action: 'confirm-app',
      summary: 'Set up an authenticator app',
      access: 'session',
      checksSecret: true,
      section: APP_PATH,
      input: z.object({ code: text }),
      async submit(c, { code }) {
        const right = await rights.ofSession(c)
        const known = await findDevice(deps, device.read(c.ask.header('cookie')), right.user.id)
        const { claimed, recoveryCodes } = await confirmTotp(deps, right, { code, isKnownDevice: known !== null })
        return showCodes(c, recoveryCodes, 'app_added', await rights.finish(c, right, claimed, 'otp'))
      },
      refused(c, refusal) {
        const view = pages.open(c)
        const problems: Problems =
          refusal.code === 'code_wrong' ? { fields: { code: view.texts.app.wrong }, whole: null } : problemsOf(view, refusal, ['code'])
        return showSetUp(c, null, problems, refusal)
      },
    }),
    sectionForm('remove-app', 'Remove the authenticator app', z.object({}), async (c, session) => {
      await removeTotp(deps, session.user, doneBy(c, session), (tx) => requireLiveIn(tx, session))
      return section.done(c, 'app_removed')
    }),
    sectionForm('remove-passkey', 'Remove a passkey', z.object({ id: text }), async (c, session, { id }) => {
      await removePasskey(deps, { user: session.user, id }, doneBy(c, session), (tx) => requireLiveIn(tx, session))
      return section.done(c, 'passkey_removed')
    }),
    sectionForm('new-recovery-codes', 'New recovery codes', z.object({}), async (c, session) => {
      const codes = await renewRecoveryCodes(deps, session.user, doneBy(c, session), (tx) => requireLiveIn(tx, session))
      return showCodes(c, codes, 'codes_made', {})
    }),
    pages.form({
      action: 'rename-passkey',
      summary: 'Rename a passkey',
      access: 'session',
      section: section.path,
      input: z.object({ id: text, name: text }),
      async submit(c, { id, name }) {
        const { user } = await guard.require(c)
        await renamePasskey(deps, { userId: user.id, id, name: parsePasskeyName(name) })
        return section.done(c, 'passkey_renamed')
      },
      refused: (c, refusal, fields) => section.refused(c, { action: 'rename-passkey', refusal, fields }),
    }),
  ]
}
