import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { MissingProof } from '../step-up/step-up.ts'
import { field, form, logOutForm, type Problems, passwordField, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'
import { passkeyForm } from './passkey-form-page.ts'

interface Asked {
  readonly missing: MissingProof
  readonly email: string
  /** Checked by return-to.ts. */
  readonly returnTo: string | null
  readonly problems: Problems
  /** What a passkey is asked for. */
  readonly passkey: object
}

/** What is to be proved again: a passkey, which is enough by itself; else the second factor where there is one; else the password. */
export function confirmContent(view: View, { missing, email, returnTo, problems, passkey }: Asked): Html {
  const { confirm, passkeys, login } = view.texts
  const { next, factors } = missing
  const hidden = { return_to: returnTo }
  const hasPasskey = factors.passkeys > 0
  const asksPassword = factors.hasPassword && (next === 'password' || missing.reason.startsWith('no pwd'))
  const asksCode = next === 'second_factor' && factors.hasTotp && !asksPassword
  return html`<h1>${confirm.title}</h1>
<p class="lead">${confirm.about}</p>
${problem(problems.whole)}${
  hasPasskey
    ? passkeyForm(view, {
        action: 'confirm',
        ceremony: { kind: 'get', options: passkey, freshFrom: '/reauthentication/passkey_options' },
        hidden,
        label: passkeys.confirm,
      })
    : ''
}${hasPasskey && (asksPassword || asksCode) ? html`<p class="or">${login.or}</p>\n` : ''}${
  asksPassword
    ? form(
        view,
        { action: 'confirm', hidden },
        html`<input type="email" value="${email}" autocomplete="username" readonly hidden>
${passwordField(view, { name: 'password', label: confirm.password, autocomplete: 'current-password', problems, autofocus: true })}
${submit(confirm.button)}`,
      )
    : ''
}${
  asksCode
    ? form(
        view,
        { action: 'confirm', hidden },
        html`${field({ name: 'totp_code', label: confirm.code, autocomplete: 'one-time-code', inputMode: 'numeric', problems, autofocus: true })}
${submit(confirm.button)}
<p class="hint">${confirm.recoveryHint}</p>`,
      )
    : ''
}${next === 'login' ? html`<p class="note">${confirm.onlyLogin}</p>\n${logOutForm(view)}` : ''}
<p class="links"><a href="${view.config.publicUrl.pathPrefix}/account">${confirm.cancel}</a></p>`
}
