import { z } from 'zod'
import { useAddressToken } from '../address-change/address-change.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answer, Answers } from '../http/answer.ts'
import { PUBLIC_ERRORS, publicSentence } from '../http/error-response.ts'
import { originOf, type Route, type RouteContext, readInput } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import { logInWithToken } from '../login/login.ts'
import { addressOfLoginToken } from '../login-codes/login-code.ts'
import { resetPassword } from '../password-reset/password-reset.ts'
import { refuseVerification, verifyAddress } from '../registration/verification.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import { makeFormTokens } from './form-token.ts'
import { type LinkPage, renderLinkPage, renderOutcomePage } from './link-page.ts'

interface Done {
  readonly title: string
  readonly text: string
  readonly headers?: Record<string, string | readonly string[]>
}

/** One link of a mail: its page, and what its form does. */
interface Link {
  readonly path: string
  readonly page: LinkPage
  /** In place of the page's text, where more is to be said of this token. */
  readonly describe?: (token: string) => Promise<string | null>
  readonly submit: (c: RouteContext, fields: { readonly token: string; readonly password: string }) => Promise<Done>
}

const input = z.object({ form_token: text, token: text, password: text.optional() })

/** The pages that links in mails lead to, and their forms. */
export function linkRoutes(
  deps: Deps,
  answers: Answers,
  cookies: { readonly session: SessionCookie; readonly device: DeviceCookie },
  onRefusal: (refusal: AuthError, c: RouteContext) => Promise<void>,
): Route[] {
  const forms = makeFormTokens(deps, cookies.session)

  async function show(c: RouteContext, link: Link, token: string, problem: AuthError | null): Promise<Answer> {
    const { token: formToken, headers } = forms.issue(c)
    const sentence = problem && publicSentence(problem)
    const described = (await link.describe?.(token)) ?? link.page.text
    const html = await renderLinkPage(deps.config, { ...link.page, text: described }, { token, formToken, problem: sentence })
    const retryAfter = problem?.details.retryAfterSeconds
    const more = retryAfter === undefined ? headers : { ...headers, 'retry-after': String(retryAfter) }
    return answers.page(c.exchange, problem ? PUBLIC_ERRORS[problem.code].status : 200, html, more)
  }

  function pageOf(link: Link): Route {
    return {
      method: 'GET',
      path: link.path,
      summary: link.page.title,
      access: 'anyone',
      isPage: true,
      answers: { 200: { description: 'A page for the person who followed the link', contentType: 'text/html' } },
      handle: (c) => show(c, link, queryOf(c, 'token'), null),
    }
  }

  function formOf(link: Link, action: string, submit: Link['submit']): Route {
    return {
      method: 'POST',
      path: `/forms/${action}`,
      summary: link.page.title,
      access: 'anyone',
      isPage: true,
      checksSecret: true,
      input,
      answers: { 200: { description: 'What happened, as a page', contentType: 'text/html' } },
      async handle(c) {
        const fields = await readInput(c, input, { unknownFields: 'refuse' })
        forms.require(c, fields.form_token)
        try {
          const { headers, ...outcome } = await submit(c, { token: fields.token, password: fields.password ?? '' })
          return answers.page(c.exchange, 200, await renderOutcomePage(deps.config, outcome), headers)
        } catch (error) {
          if (!(error instanceof AuthError) || PUBLIC_ERRORS[error.code].status >= 500) throw error
          await onRefusal(error, c)
          c.exchange.refusal = { code: error.code, reason: error.details.logged ?? error.details.reason }
          return show(c, link, fields.token, error)
        }
      },
    }
  }

  const links = [verifyLink(deps), resetLink(deps), loginLink(deps, cookies), ...addressLinks(deps)]
  const [verify] = links as [Link]
  return [
    ...links.map(pageOf),
    ...links
      .filter((link, at) => links.findIndex(({ page }) => page.action === link.page.action) === at)
      .map((link) => formOf(link, link.page.action, link.submit)),
    formOf(verify, 'refuse-verification', async (c, { token }) => {
      await refuseVerification(deps, { token, origin: originOf(c) })
      return { title: 'Thank you', text: 'The registration is deleted. Nobody can use it.' }
    }),
  ]
}

function verifyLink(deps: Deps): Link {
  return {
    path: '/verify',
    page: {
      title: 'Verify your address',
      text: 'Enter the password that you chose when you registered. It makes sure that it was you.',
      action: 'verify',
      password: { label: 'Password', autocomplete: 'current-password' },
      button: 'Verify my address',
      refusal: { action: 'refuse-verification', button: 'I did not register' },
    },
    async submit(c, { token, password }) {
      if (password === '') throw new AuthError('field_required', { field: 'password' })
      const email = await verifyAddress(deps, { token, password, origin: originOf(c) })
      return { title: 'Your address is verified', text: `You can log in as ${email} now.` }
    },
  }
}

function resetLink(deps: Deps): Link {
  return {
    path: '/reset',
    page: {
      title: 'Choose a new password',
      text: 'You are logged out everywhere when it is set.',
      action: 'reset',
      password: { label: 'New password', autocomplete: 'new-password' },
      button: 'Set my password',
    },
    async submit(c, { token, password }) {
      await resetPassword(deps, {
        resetToken: token,
        newPassword: password,
        field: 'password',
        by: { actor: 'nobody', origin: originOf(c) },
      })
      return { title: 'Your password is set', text: 'Every session was ended. Log in with the new password.' }
    },
  }
}

function loginLink(deps: Deps, { session, device }: { readonly session: SessionCookie; readonly device: DeviceCookie }): Link {
  return {
    path: '/login',
    page: { title: 'Log in', text: 'You asked for a link to log in.', action: 'login-link', button: 'Log me in' },
    async describe(token) {
      const email = await addressOfLoginToken(deps, token)
      return email && `You are about to log in as ${email}. If that is not you, close this page.`
    },
    async submit(c, { token }) {
      const cookies = c.ask.header('cookie')
      const login = await logInWithToken(deps, {
        ...originOf(c),
        token,
        presentedToken: session.read(cookies),
        presentedDevice: device.read(cookies),
      })
      if (login.status === 'second_factor_required') throw new AuthError('second_factor_required')
      const headers = {
        'set-cookie': [session.set(login.sessionToken), ...(login.newDeviceToken ? [device.set(login.newDeviceToken)] : [])],
      }
      return { title: 'You are logged in', text: `as ${login.email}.`, headers }
    },
  }
}

function addressLinks(deps: Deps): Link[] {
  const submit: Link['submit'] = async (c, { token }) => {
    const outcome = await useAddressToken(deps, { token, origin: originOf(c) })
    return {
      changed: { title: 'Your address is changed', text: 'Log in with the new one from now on.' },
      other_side_missing: {
        title: 'Confirmed',
        text: 'Now follow the link that was mailed to the other address. Until then nothing changes.',
      },
      undone: {
        title: 'Your address is restored',
        text: 'Every session was ended and the password is void. A mail lets you choose another.',
      },
    }[outcome]
  }
  return [
    {
      path: '/account/email',
      page: {
        title: 'Confirm the change of address',
        text: 'The address of your account is about to change.',
        action: 'address',
        button: 'Confirm',
      },
      submit,
    },
    {
      path: '/account/email/undo',
      page: {
        title: 'Take the change back',
        text: 'The account gets your address back. Every session ends, and you choose a new password.',
        action: 'address',
        button: 'This was not me',
      },
      submit,
    },
  ]
}

function queryOf(c: RouteContext, name: string): string {
  return new URL(c.ask.target, 'http://localhost').searchParams.get(name)?.slice(0, 100) ?? ''
}
