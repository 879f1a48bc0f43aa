import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answer, Answers } from '../http/answer.ts'
import { MAX_PASSKEY_BYTES } from '../http/read-body.ts'
import type { Route, RouteContext } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import type { LoginOutcome } from '../login/complete-login.ts'
import { logIn, logInWithCode, logInWithPasskey, logInWithToken } from '../login/login.ts'
import type { LoginCookies } from '../login/require-login-cookies.ts'
import { requestMail } from '../mail-request/mail-request.ts'
import { passkeyRequestOptions } from '../passkeys/authenticate-passkey.ts'
import { doneBy } from '../sessions/require-session.ts'
import { endSessionOfToken, verifySession } from '../sessions/session.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'
import { type Problems, problemsOf } from './field-page.ts'
import { enterCodeContent, loginCodeContent, loginContent } from './login-page.ts'
import { noticeOf } from './notice.ts'
import type { Pages } from './pages.ts'
import { assertionIn } from './passkey-field.ts'
import { queryText } from './query.ts'
import { parseReturnTo } from './return-to.ts'
import { secondFactorRoutes, showSecondFactor } from './second-factor-page-routes.ts'

const loginInput = z.object({ email: text, password: text, return_to: text.optional() })
const codeRequestInput = z.object({ email: text, return_to: text.optional() })
const codeInput = z.object({ email: text, code: text, return_to: text.optional() })

export interface LoginPages {
  readonly routes: readonly Route[]
  /** `/login` without a link's token. */
  show(c: RouteContext): Promise<Answer>
  /** The link of a mail. */
  logInWithLink(c: RouteContext, token: string): Promise<Answer>
}

export function makeLoginPages(
  deps: Deps,
  answers: Answers,
  pages: Pages,
  { session, cookies }: { readonly session: SessionCookie; readonly cookies: LoginCookies },
): LoginPages {
  const returnToOf = (text: string | null | undefined) => parseReturnTo(deps.config, text ?? null)

  const { browserOf } = cookies

  /** Where every login of these pages ends, however it began: at the way on, or at the page of the second factor. */
  async function finish(c: RouteContext, outcome: LoginOutcome, returnTo: string | null | undefined): Promise<Answer> {
    if (outcome.status === 'second_factor_required') return showSecondFactor(deps, pages, c, { ...outcome, returnTo: returnToOf(returnTo) })
    return pages.redirect(c, returnToOf(returnTo) ?? '/account', cookies.headersOf(outcome))
  }

  async function show(c: RouteContext): Promise<Answer> {
    const returnTo = returnToOf(queryText(c, 'return_to'))
    if (await verifySession(deps, session.read(c.ask.header('cookie')))) return pages.redirect(c, returnTo ?? '/account')
    const view = pages.open(c)
    const passkey = await passkeyOptions()
    return pages.show(view, { title: view.texts.login.title, content: loginContent(view, { returnTo, passkey, notice: noticeOf(view) }) })
  }

  /** It stands in the page, so that a browser can offer a passkey with nothing asked for. */
  const passkeyOptions = () => passkeyRequestOptions(deps, { boundTo: 'login', userId: null })

  const withPasskey = pages.form({
    action: 'login-with-passkey',
    summary: 'Log in with a passkey',
    access: 'anyone',
    checksSecret: true,
    maxBytes: MAX_PASSKEY_BYTES,
    input: z.object({ passkey: text, return_to: text.optional() }),
    async submit(c, { passkey, return_to }) {
      return finish(c, await logInWithPasskey(deps, { ...browserOf(c), passkey: assertionIn(passkey) }), return_to)
    },
    async refused(c, refusal, { return_to }) {
      const view = pages.open(c)
      const problems = { fields: {}, whole: view.texts.passkeys.refused }
      const content = loginContent(view, { returnTo: returnToOf(return_to), problems, passkey: await passkeyOptions() })
      return pages.show(view, { title: view.texts.login.title, content, refusal })
    },
  })

  const withPassword = pages.form({
    action: 'login',
    summary: 'Log in',
    access: 'anyone',
    checksSecret: true,
    input: loginInput,
    async submit(c, { email, password, return_to }) {
      requireFilled({ email, password })
      return finish(c, await logIn(deps, { ...browserOf(c), email, password }), return_to)
    },
    async refused(c, refusal, { email = '', return_to }) {
      const view = pages.open(c)
      const problems = problemsOf(view, refusal, ['email', 'password'], { login_refused: view.texts.login.refused })
      const content = loginContent(view, { email, returnTo: returnToOf(return_to), problems, passkey: await passkeyOptions() })
      return pages.show(view, { title: view.texts.login.title, content, refusal })
    },
  })

  const codeRequest = pages.form({
    action: 'request-login-code',
    summary: 'Mail me a code to log in with',
    access: 'anyone',
    checksSecret: true,
    input: codeRequestInput,
    async submit(c, { email, return_to }) {
      await requestMail(deps, { kind: 'login_code', address: email, origin: c.exchange.clientAddress })
      const view = pages.open(c)
      const content = enterCodeContent(view, { email, returnTo: returnToOf(return_to) })
      return pages.show(view, { title: view.texts.loginCode.sentTitle, content })
    },
    async refused(c, refusal, { email = '', return_to }) {
      const view = pages.open(c)
      const content = loginCodeContent(view, { email, returnTo: returnToOf(return_to), problems: problemsOf(view, refusal, ['email']) })
      return pages.show(view, { title: view.texts.loginCode.title, content, refusal })
    },
  })

  const withCode = pages.form({
    action: 'login-with-code',
    summary: 'Log in with a code',
    access: 'anyone',
    checksSecret: true,
    input: codeInput,
    async submit(c, { email, code, return_to }) {
      requireFilled({ code })
      return finish(c, await logInWithCode(deps, { ...browserOf(c), email, code }), return_to)
    },
    async refused(c, refusal, { email = '', return_to }) {
      const view = pages.open(c)
      const problems: Problems =
        refusal.code === 'login_refused'
          ? { fields: { code: view.texts.loginCode.refused }, whole: null }
          : problemsOf(view, refusal, ['code'])
      const content = enterCodeContent(view, { email, returnTo: returnToOf(return_to), problems })
      return pages.show(view, { title: view.texts.loginCode.sentTitle, content, refusal })
    },
  })

  const logOut = pages.form({
    action: 'logout',
    summary: 'Log out',
    access: 'anyone',
    input: z.object({}),
    async submit(c) {
      const token = session.read(c.ask.header('cookie'))
      const live = await verifySession(deps, token)
      if (live) await endSessionOfToken(deps, token, doneBy(c, live))
      return pages.redirect(c, '/login?done=logged_out', { ...answers.clearSiteData, 'set-cookie': session.clear() })
    },
    refused: (c) => Promise.resolve(pages.redirect(c, '/account')),
  })

  const codePage: Route = {
    method: 'GET',
    path: '/login/code',
    summary: 'Log in with a code',
    access: 'anyone',
    isPage: true,
    answers: { 200: { description: 'A page', contentType: 'text/html' } },
    handle(c) {
      const view = pages.open(c)
      const content = loginCodeContent(view, { returnTo: returnToOf(queryText(c, 'return_to')) })
      return pages.show(view, { title: view.texts.loginCode.title, content })
    },
  }

  return {
    routes: [codePage, withPassword, withPasskey, codeRequest, withCode, logOut, ...secondFactorRoutes(deps, pages, cookies)],
    show,
    logInWithLink: async (c, token) => finish(c, await logInWithToken(deps, { ...browserOf(c), token }), null),
  }
}

/** Said before anything is looked up: it is the same for every address. */
function requireFilled(fields: Readonly<Record<string, string>>): void {
  for (const [field, value] of Object.entries(fields)) if (value === '') throw new AuthError('field_required', { field })
}
