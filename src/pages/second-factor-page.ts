import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { PendingLogin } from '../login/complete-login.ts'
import { field, form, NO_PROBLEMS, type Problems, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'
import { passkeyForm } from './passkey-form-page.ts'
import { withQuery } from './query.ts'

/** A login that waits for its second factor, as its page hands it on to itself. */
export interface Waiting extends Pick<PendingLogin, 'ticket' | 'factors' | 'email'> {
  /** Checked by return-to.ts. */
  readonly returnTo: string | null
  readonly problems?: Problems
  /** What a passkey is asked for. */
  readonly passkey: object
}

export function secondFactorContent(view: View, { ticket, factors, email, returnTo, passkey, problems = NO_PROBLEMS }: Waiting): Html {
  const { secondFactor, passkeys, login } = view.texts
  const hidden = { ticket, return_to: returnTo }
  const [hasApp, hasPasskey, hasCodes] = (['totp', 'passkey', 'recovery_code'] as const).map((one) => factors.includes(one))
  return html`<h1>${secondFactor.title}</h1>
<p class="lead">${secondFactor.about(email)}</p>
${problem(problems.whole)}${
  hasPasskey
    ? passkeyForm(view, {
        action: 'second-factor',
        ceremony: { kind: 'get', options: passkey, freshFrom: '/sessions/passkey_options', ticket },
        hidden: { return_to: returnTo },
        label: passkeys.confirm,
      })
    : ''
}${hasPasskey && hasApp ? html`<p class="or">${login.or}</p>\n` : ''}${
  hasApp
    ? form(
        view,
        { action: 'second-factor', hidden },
        html`${field({
          name: 'totp_code',
          label: secondFactor.code,
          autocomplete: 'one-time-code',
          inputMode: 'numeric',
          problems,
          ...(!hasPasskey && { autofocus: true }),
        })}
${submit(secondFactor.button, hasPasskey ? 'quiet' : '')}`,
      )
    : ''
}${hasCodes ? recoveryForm(view, hidden, problems, !hasApp) : ''}
${startAgain(view, returnTo)}`
}

function startAgain({ config, texts }: View, returnTo: string | null): Html {
  return html`<p class="links"><a href="${withQuery(`${config.publicUrl.pathPrefix}/login`, { return_to: returnTo })}">${texts.secondFactor.startAgain}</a></p>`
}

/** A mailed code is no right to add a second factor, for whoever has a password (login/factor-rights.ts). */
export function needsPasswordContent(view: View, returnTo: string | null): Html {
  const { secondFactor } = view.texts
  return html`<h1>${secondFactor.addTitle}</h1>
<p class="problem" role="alert">${secondFactor.needsPassword}</p>
${startAgain(view, returnTo)}`
}

/** Folded away while there is another way without a script; open where it is the one that was tried. */
function recoveryForm(view: View, hidden: Readonly<Record<string, string | null>>, problems: Problems, isOnlyForm: boolean): Html {
  const { secondFactor } = view.texts
  const isOpen = isOnlyForm || problems.fields.recovery_code !== undefined
  return html`<details${isOpen ? html` open` : ''}><summary>${secondFactor.recovery}</summary>
<div>
${form(
  view,
  { action: 'second-factor', hidden },
  html`${field({
    name: 'recovery_code',
    label: secondFactor.recoveryCode,
    autocomplete: 'off',
    inputMode: 'text',
    hint: secondFactor.recoveryHint,
    problems,
  })}
${submit(secondFactor.button, 'quiet')}`,
)}</div>
</details>
`
}

/** Where a second factor is required of everyone and there is none yet. */
export function addFactorContent(
  view: View,
  { ticket, returnTo, problem: wrong }: { readonly ticket: string; readonly returnTo: string | null; readonly problem: string | null },
): Html {
  const { secondFactor, passkeys, app, login } = view.texts
  return html`<h1>${secondFactor.addTitle}</h1>
<p class="lead">${secondFactor.addAbout}</p>
${problem(wrong)}${passkeyForm(view, {
  action: 'add-passkey-at-login',
  ceremony: { kind: 'create', freshFrom: '/passkeys/options', ticket },
  hidden: { return_to: returnTo },
  fields: html`<p class="note">${passkeys.about}</p>\n`,
  label: passkeys.add,
})}<p class="or">${login.or}</p>
${form(view, { action: 'begin-app-at-login', hidden: { ticket, return_to: returnTo } }, html`<p class="note">${app.about}</p>\n${submit(app.add, 'quiet')}`)}`
}
