import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { findFactors, secondFactorNames } from '../factors/factors.ts'
import type { Answer } from '../http/answer.ts'
import { onlyOneOf } from '../http/only-one-of.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import { originOf, type Route, type RouteContext } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import type { PendingLogin } from '../login/complete-login.ts'
import { completeAfterAdding, rightOfTicket } from '../login/factor-rights.ts'
import type { LoginCookies } from '../login/require-login-cookies.ts'
import { completeWithSecondFactor, type SecondFactor } from '../login/second-factor-login.ts'
import { requireTicket, ticketName } from '../login/ticket.ts'
import { passkeyRequestOptions } from '../passkeys/authenticate-passkey.ts'
import { addPasskey } from '../passkeys/register-passkey.ts'
import { findDevice } from '../throttles/device.ts'
import { qrCode } from '../totp/qr-code.ts'
import { beginTotp, confirmTotp } from '../totp/totp.ts'
import { browserText } from './account-section-page.ts'
import { NO_PROBLEMS, type Problems, problemsOf } from './field-page.ts'
import type { Pages } from './pages.ts'
import { assertionIn, registrationIn } from './passkey-field.ts'
import { recoveryCodesContent } from './recovery-codes-page.ts'
import { parseReturnTo } from './return-to.ts'
import { addFactorContent, needsPasswordContent, secondFactorContent } from './second-factor-page.ts'
import { totpSetUpContent } from './totp-page.ts'

/** Shown as the answer of the first factor's form: the ticket stands in its forms, and in no address (CHECKLIST R099 for tokens). */
export async function showSecondFactor(
  deps: Deps,
  pages: Pages,
  c: RouteContext,
  {
    ticket,
    factors,
    email,
    returnTo,
    ...wrong
  }: Omit<PendingLogin, 'status'> & {
    readonly returnTo: string | null
    readonly problems?: Problems
    readonly refusal?: AuthError
  },
): Promise<Answer> {
  const view = pages.open(c)
  const refusal = wrong.refusal && { refusal: wrong.refusal }
  const login = await requireTicket(deps, ticket)
  if (factors.length === 0) {
    const { hasPassword } = await findFactors(deps.database.reads, login.user.id)
    const mayAdd = !hasPassword || login.amr.includes('pwd')
    const content = mayAdd
      ? addFactorContent(view, { ticket, returnTo, problem: wrong.problems?.whole ?? null })
      : needsPasswordContent(view, returnTo)
    return pages.show(view, { title: view.texts.secondFactor.addTitle, content, ...refusal })
  }
  const passkey = await passkeyRequestOptions(deps, { boundTo: ticketName(login), userId: login.user.id })
  const content = secondFactorContent(view, {
    ticket,
    factors,
    email,
    returnTo,
    passkey,
    ...(wrong.problems && { problems: wrong.problems }),
  })
  return pages.show(view, { title: view.texts.secondFactor.title, content, ...refusal })
}

const ticketInput = z.object({ ticket: text, return_to: text.optional() })
const factorInput = ticketInput.extend({ totp_code: text.optional(), recovery_code: text.optional(), passkey: text.optional() })

/** The forms of a login that waits for its second factor, or for one to be added. */
export function secondFactorRoutes(deps: Deps, pages: Pages, cookies: LoginCookies): Route[] {
  const returnToOf = (given: string | undefined) => parseReturnTo(deps.config, given ?? null)

  /** A ticket that is over leads back to the beginning; whatever else is wrong is said on the page. */
  async function again(
    c: RouteContext,
    refusal: AuthError,
    { ticket = '', return_to }: { ticket?: string | undefined; return_to?: string | undefined },
    problems: Problems,
  ): Promise<Answer> {
    const login = await requireTicket(deps, ticket).catch(() => null)
    if (login === null) return startAgain(c)
    const { user } = login
    const factors = secondFactorNames(await findFactors(deps.database.reads, user.id))
    return showSecondFactor(deps, pages, c, { ticket, factors, email: user.email, returnTo: returnToOf(return_to), problems, refusal })
  }

  function startAgain(c: RouteContext): Answer {
    return pages.redirect(c, '/login?done=login_expired')
  }

  const secondFactor = pages.form({
    action: 'second-factor',
    summary: 'Complete a login with a second factor',
    access: 'anyone',
    checksSecret: true,
    maxBytes: MAX_PASSKEY_BYTES,
    input: factorInput,
    async submit(c, { ticket, return_to, ...fields }) {
      const outcome = await completeWithSecondFactor(deps, { ...cookies.browserOf(c), ticket, factor: factorIn(fields) })
      if (outcome.status === 'second_factor_required') return startAgain(c)
      return pages.redirect(c, returnToOf(return_to) ?? '/account', cookies.headersOf(outcome))
    },
    async refused(c, refusal, fields) {
      const { texts } = pages.open(c)
      const tried = (['totp_code', 'recovery_code', 'passkey'] as const).find((name) => fields[name] !== undefined) ?? 'passkey'
      const sentence = tried === 'passkey' ? texts.passkeys.refused : texts.secondFactor.wrong
      const isWrong = refusal.code === 'second_factor_refused' || refusal.code === 'passkey_refused'
      const beside: Problems = tried === 'passkey' ? { fields: {}, whole: sentence } : { fields: { [tried]: sentence }, whole: null }
      return again(c, refusal, fields, isWrong ? beside : problemsOf(pages.open(c), refusal, ['totp_code', 'recovery_code']))
    },
  })

  const addPasskeyAtLogin = pages.form({
    action: 'add-passkey-at-login',
    summary: 'Add a passkey to complete a login',
    access: 'anyone',
    checksSecret: true,
    maxBytes: MAX_PASSKEY_BYTES,
    input: ticketInput.extend({ passkey: text }),
    async submit(c, { ticket, return_to, passkey }) {
      const right = await rightOfTicket(deps, ticket, originOf(c))
      const { claimed, recoveryCodes } = await addPasskey(deps, right, {
        response: registrationIn(passkey),
        name: browserText(pages.open(c), originOf(c).userAgent),
      })
      return added(c, { right, claimed, proved: 'pop', codes: recoveryCodes ?? [], returnTo: returnToOf(return_to) })
    },
    refused: (c, refusal, fields) => again(c, refusal, fields, problemsOf(pages.open(c), refusal, [])),
  })

  const beginApp = pages.form({
    action: 'begin-app-at-login',
    summary: 'Begin to add an authenticator app to complete a login',
    access: 'anyone',
    input: ticketInput,
    async submit(c, { ticket, return_to }) {
      const right = await rightOfTicket(deps, ticket, originOf(c))
      const { secret, uri } = await beginTotp(deps, right)
      return showSetUp(c, {
        ticket,
        returnTo: returnToOf(return_to),
        shown: { secret, uri, picture: await qrCode(uri) },
        problems: NO_PROBLEMS,
      })
    },
    refused: (c, refusal, fields) => again(c, refusal, fields, problemsOf(pages.open(c), refusal, [])),
  })

  const confirmApp = pages.form({
    action: 'confirm-app-at-login',
    summary: 'Add an authenticator app to complete a login',
    access: 'anyone',
    checksSecret: true,
    input: ticketInput.extend({ code: text }),
    async submit(c, { ticket, return_to, code }) {
      const right = await rightOfTicket(deps, ticket, originOf(c))
      const known = await findDevice(deps, cookies.browserOf(c).presentedDevice, right.user.id)
      const { claimed, recoveryCodes } = await confirmTotp(deps, right, { code, isKnownDevice: known !== null })
      return added(c, { right, claimed, proved: 'otp', codes: recoveryCodes, returnTo: returnToOf(return_to) })
    },
    async refused(c, refusal, { ticket = '', return_to }) {
      if (refusal.code === 'ticket_invalid') return startAgain(c)
      const { texts } = pages.open(c)
      const problems: Problems =
        refusal.code === 'code_wrong' ? { fields: { code: texts.app.wrong }, whole: null } : problemsOf(pages.open(c), refusal, ['code'])
      return showSetUp(c, { ticket, returnTo: returnToOf(return_to), shown: null, problems, refusal })
    },
  })

  async function added(
    c: RouteContext,
    {
      right,
      claimed,
      proved,
      codes,
      returnTo,
    }: {
      readonly right: Awaited<ReturnType<typeof rightOfTicket>>
      readonly claimed: Awaited<ReturnType<typeof confirmTotp>>['claimed']
      readonly proved: 'otp' | 'pop'
      readonly codes: readonly string[]
      readonly returnTo: string | null
    },
  ): Promise<Answer> {
    if (claimed.kind !== 'ticket') throw new AuthError('ticket_invalid')
    const login = await completeAfterAdding(deps, cookies.browserOf(c), { user: right.user, claimed, proved })
    const view = pages.open(c)
    const onwards = returnTo ?? `${deps.config.publicUrl.pathPrefix}/account`
    const content = recoveryCodesContent(view, codes, onwards)
    return pages.show(view, { title: view.texts.recoveryCodes.shownTitle, content, headers: cookies.headersOf(login) })
  }

  function showSetUp(
    c: RouteContext,
    {
      ticket,
      returnTo,
      shown,
      problems,
      refusal,
    }: {
      readonly ticket: string
      readonly returnTo: string | null
      readonly shown: { readonly secret: string; readonly uri: string; readonly picture: string } | null
      readonly problems: Problems
      readonly refusal?: AuthError
    },
  ): Promise<Answer> {
    const view = pages.open(c)
    const hidden = { ticket, return_to: returnTo }
    const content = totpSetUpContent(view, { shown, problems, confirm: 'confirm-app-at-login', begin: 'begin-app-at-login', hidden })
    return pages.show(view, { title: view.texts.app.setUpTitle, content, ...(refusal && { refusal }) })
  }

  return [secondFactor, addPasskeyAtLogin, beginApp, confirmApp]
}

/** One of the page's three forms. */
function factorIn(fields: Omit<z.infer<typeof factorInput>, 'ticket' | 'return_to'>): SecondFactor {
  const name = onlyOneOf(fields, ['totp_code', 'recovery_code', 'passkey'])
  const { totp_code: totpCode, recovery_code: recoveryCode, passkey } = fields
  // An empty field is a slip, not a guess that counts.
  if (fields[name] === '') throw new AuthError('field_required', { field: name })
  if (totpCode !== undefined) return { totpCode }
  return passkey === undefined ? { recoveryCode } : { passkey: assertionIn(passkey) }
}
