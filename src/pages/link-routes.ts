import { z } from 'zod'
import { useAddressToken } from '../address-change/address-change.ts'
import type { Deps } from '../deps.ts'
import { AuthError, type ErrorCode } from '../errors.ts'
import type { Answer } from '../http/answer.ts'
import { originOf, type Route, type RouteContext } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import { addressOfLoginToken } from '../login-codes/login-code.ts'
import { resetPassword } from '../password-reset/password-reset.ts'
import { refuseVerification, verifyAddress } from '../registration/verification.ts'
import { NO_PROBLEMS, problemsOf } from './field-page.ts'
import { type LinkPage, linkContent, outcomeContent } from './link-page.ts'
import type { LoginPages } from './login-page-routes.ts'
import type { Pages, View } from './pages.ts'
import { queryText } from './query.ts'
import type { RegisterPages } from './register-page-routes.ts'
import type { Texts } from './texts/texts.ts'

interface Outcome {
  readonly title: string
  readonly text: string
  readonly toLogin: boolean
}

/** One link of a mail: its page, and what its form does. */
interface Link {
  readonly path: string
  /** Where its form posts to, below `/forms/`. */
  readonly action: string
  readonly pageOf: (view: View, token: string) => LinkPage | Promise<LinkPage>
  readonly submit: (c: RouteContext, fields: { readonly token: string; readonly password: string }) => Promise<Answer>
  /** In place of the code's own sentence. */
  readonly wordsOf?: (texts: Texts) => Partial<Record<ErrorCode, string>>
  /** The path without a token; elsewhere that is the page of a token that is none. */
  readonly withoutToken?: (c: RouteContext) => Promise<Answer>
}

const input = z.object({ token: text, password: text.optional() })

/** The pages that links in mails lead to, and their forms. */
export function linkRoutes(deps: Deps, pages: Pages, loginPages: LoginPages, registerPages: RegisterPages): Route[] {
  async function show(c: RouteContext, link: Link, token: string, refusal: AuthError | null): Promise<Answer> {
    const view = pages.open(c)
    const page = await link.pageOf(view, token)
    const problems = refusal ? problemsOf(view, refusal, page.password ? ['password'] : [], link.wordsOf?.(view.texts)) : NO_PROBLEMS
    return pages.show(view, { title: page.title, content: linkContent(view, page, { action: link.action, token, problems }), refusal })
  }

  function tell(c: RouteContext, outcomeOf: (texts: Texts) => Outcome): Promise<Answer> {
    const view = pages.open(c)
    const outcome = outcomeOf(view.texts)
    return pages.show(view, { title: outcome.title, content: outcomeContent(view, outcome), script: false })
  }

  function pageOf(link: Link): Route {
    return {
      method: 'GET',
      path: link.path,
      summary: `The link of a mail: ${link.path}`,
      access: 'anyone',
      isPage: true,
      answers: { 200: { description: 'A page for the person who followed the link', contentType: 'text/html' } },
      handle(c) {
        const token = queryText(c, 'token')?.slice(0, 100) ?? ''
        return token === '' && link.withoutToken ? link.withoutToken(c) : show(c, link, token, null)
      },
    }
  }

  function formOf(link: Link, action = link.action, submit = link.submit): Route {
    return pages.form({
      action,
      summary: `The form of a mail's link: ${link.path}`,
      access: 'anyone',
      checksSecret: true,
      input,
      submit: (c, { token, password = '' }) => submit(c, { token, password }),
      refused: (c, refusal, { token = '' }) => show(c, link, token, refusal),
    })
  }

  const verify: Link = {
    path: '/verify',
    action: 'verify',
    withoutToken: registerPages.showVerifyAgain,
    pageOf: ({ texts: { links } }) => ({
      title: links.verify.title,
      text: links.verify.text,
      password: { label: links.verify.password, autocomplete: 'current-password' },
      button: links.verify.button,
      refusal: { action: 'refuse-verification', button: links.verify.refuse },
    }),
    async submit(c, { token, password }) {
      if (password === '') throw new AuthError('field_required', { field: 'password' })
      const email = await verifyAddress(deps, { token, password, origin: originOf(c) })
      return tell(c, ({ links }) => ({ title: links.verify.done, text: links.verify.doneText(email), toLogin: true }))
    },
  }

  const reset: Link = {
    path: '/reset',
    action: 'reset',
    withoutToken: registerPages.showForgot,
    pageOf: ({ texts, config }) => ({
      title: texts.links.reset.title,
      text: texts.links.reset.text,
      password: {
        label: texts.links.reset.password,
        autocomplete: 'new-password',
        hint: texts.register.minLength(config.password.minLength),
      },
      button: texts.links.reset.button,
    }),
    async submit(c, { token, password }) {
      const by = { actor: 'nobody', origin: originOf(c) } as const
      await resetPassword(deps, { resetToken: token, newPassword: password, field: 'password', by })
      return tell(c, ({ links }) => ({ title: links.reset.done, text: links.reset.doneText, toLogin: true }))
    },
  }

  const logIn: Link = {
    path: '/login',
    action: 'login-link',
    withoutToken: loginPages.show,
    async pageOf({ texts: { links } }, token) {
      const email = await addressOfLoginToken(deps, token)
      return { title: links.login.title, text: email ? links.login.textFor(email) : links.login.text, button: links.login.button }
    },
    wordsOf: ({ links }) => ({ login_refused: links.login.refused }),
    submit: (c, { token }) => loginPages.logInWithLink(c, token),
  }

  async function useChangeToken(c: RouteContext, { token }: { readonly token: string }): Promise<Answer> {
    const outcome = await useAddressToken(deps, { token, origin: originOf(c) })
    return tell(c, ({ links }) => ({ ...links.addressDone[outcome], toLogin: outcome === 'changed' }))
  }
  const address: Link = { path: '/account/email', action: 'address', pageOf: ({ texts }) => texts.links.address, submit: useChangeToken }
  const undo: Link = { path: '/account/email/undo', action: 'address', pageOf: ({ texts }) => texts.links.undo, submit: useChangeToken }

  return [
    ...[verify, reset, logIn, address, undo].map(pageOf),
    ...[verify, reset, logIn, address].map((link) => formOf(link)),
    formOf(verify, 'refuse-verification', async (c, { token }) => {
      await refuseVerification(deps, { token, origin: originOf(c) })
      return tell(c, ({ links }) => ({ title: links.verify.refused, text: links.verify.refusedText, toLogin: false }))
    }),
  ]
}
