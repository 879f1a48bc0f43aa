import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Answer } from '../http/answer.ts'
import { originOf, type Route, type RouteContext } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import { requestMail } from '../mail-request/mail-request.ts'
import { register } from '../registration/registration.ts'
import { problemsOf } from './field-page.ts'
import { askForMailContent, registerContent } from './login-page.ts'
import { noticeOf } from './notice.ts'
import type { Pages, View } from './pages.ts'
import { queryText, withQuery } from './query.ts'
import { parseReturnTo } from './return-to.ts'

const registerInput = z.object({ email: text, password: text, return_to: text.optional() })
const mailInput = z.object({ email: text, return_to: text.optional() })

export interface RegisterPages {
  readonly routes: readonly Route[]
  /** `/verify` without a link's token: the mail once more. */
  showVerifyAgain(c: RouteContext): Promise<Answer>
  /** `/reset` without a link's token. */
  showForgot(c: RouteContext): Promise<Answer>
}

/** A mail that somebody asks for at one of our pages. What follows is the same for every address (CHECKLIST R031, R033). */
interface MailForm {
  readonly kind: 'reset_password' | 'verify_address'
  readonly path: string
  readonly action: string
  readonly done: string
  readonly textsOf: (view: View) => { readonly title: string; readonly about: string; readonly email: string; readonly button: string }
}

const FORGOT: MailForm = {
  kind: 'reset_password',
  path: '/reset',
  action: 'request-reset',
  done: 'reset_mailed',
  textsOf: ({ texts }) => texts.forgot,
}
const VERIFY_AGAIN: MailForm = {
  kind: 'verify_address',
  path: '/verify',
  action: 'request-verification',
  done: 'verification_mailed',
  textsOf: ({ texts }) => texts.verifyAgain,
}

/** What people need before they can log in: an account, a link to verify their address, a new password. */
export function makeRegisterPages(deps: Deps, pages: Pages): RegisterPages {
  const returnToOf = (text: string | null | undefined) => parseReturnTo(deps.config, text ?? null)

  function showMailForm(c: RouteContext, { action, textsOf }: MailForm): Promise<Answer> {
    const view = pages.open(c)
    const texts = textsOf(view)
    const returnTo = returnToOf(queryText(c, 'return_to'))
    return pages.show(view, { title: texts.title, content: askForMailContent(view, texts, { action, returnTo, notice: noticeOf(view) }) })
  }

  function mailForm({ kind, path, action, done, textsOf }: MailForm): Route {
    return pages.form({
      action,
      summary: `Send a mail: ${kind}`,
      access: 'anyone',
      checksSecret: true,
      input: mailInput,
      async submit(c, { email, return_to }) {
        await requestMail(deps, { kind, address: email, origin: c.exchange.clientAddress })
        return pages.redirect(c, withQuery(path, { done, return_to: returnToOf(return_to) }))
      },
      async refused(c, refusal, { email = '', return_to }) {
        const view = pages.open(c)
        const texts = textsOf(view)
        const problems = problemsOf(view, refusal, ['email'])
        const content = askForMailContent(view, texts, { action, email, returnTo: returnToOf(return_to), problems })
        return pages.show(view, { title: texts.title, content, refusal })
      },
    })
  }

  const registerForm = pages.form({
    action: 'register',
    summary: 'Register',
    access: 'anyone',
    checksSecret: true,
    input: registerInput,
    async submit(c, { email, password, return_to }) {
      await register(deps, { email, password }, { actor: 'nobody', origin: originOf(c) })
      const returnTo = returnToOf(return_to)
      return deps.config.posture === 'classic'
        ? pages.redirect(c, withQuery('/login', { done: 'registered', return_to: returnTo }))
        : pages.redirect(c, withQuery('/verify', { done: 'check_mail', return_to: returnTo }))
    },
    async refused(c, refusal, { email = '', return_to }) {
      const view = pages.open(c)
      const { email_already_registered } = view.texts.errors
      const problems =
        refusal.code === 'email_already_registered'
          ? { fields: { email: email_already_registered }, whole: null }
          : problemsOf(view, refusal, ['email', 'password'])
      const content = registerContent(view, { email, returnTo: returnToOf(return_to), problems })
      return pages.show(view, { title: view.texts.register.title, content, refusal })
    },
  })

  const registerPage: Route = {
    method: 'GET',
    path: '/register',
    summary: 'Register',
    access: 'anyone',
    isPage: true,
    answers: { 200: { description: 'A page', contentType: 'text/html' } },
    handle(c) {
      const view = pages.open(c)
      const content = registerContent(view, { returnTo: returnToOf(queryText(c, 'return_to')) })
      return pages.show(view, { title: view.texts.register.title, content })
    },
  }

  return {
    routes: [registerPage, registerForm, mailForm(FORGOT), mailForm(VERIFY_AGAIN)],
    showForgot: (c) => showMailForm(c, FORGOT),
    showVerifyAgain: (c) => showMailForm(c, VERIFY_AGAIN),
  }
}
