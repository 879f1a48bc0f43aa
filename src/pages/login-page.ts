import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import { field, form, NO_PROBLEMS, notice, type Problems, passwordField, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'
import { passkeyForm } from './passkey-form-page.ts'
import { withQuery } from './query.ts'

/** What the pages before the login hand on to each other, and show. */
export interface LoginSide {
  readonly email?: string
  /** Checked by return-to.ts. */
  readonly returnTo: string | null
  readonly problems?: Problems
  readonly notice?: string | null
}

export function loginContent(
  view: View,
  { email = '', returnTo, problems = NO_PROBLEMS, passkey, ...said }: LoginSide & { readonly passkey: object },
): Html {
  const { login } = view.texts
  return html`<h1>${login.title}</h1>
${notice(said.notice ?? null)}${problem(problems.whole)}${form(
  view,
  { action: 'login', hidden: { return_to: returnTo } },
  html`${emailField(login.email, { email, problems, webauthn: true })}
${passwordField(view, {
  name: 'password',
  label: login.password,
  autocomplete: 'current-password',
  problems,
  aside: html`<a href="${hrefOf(view, '/reset', returnTo)}">${login.forgot}</a>`,
})}
${submit(login.button)}`,
)}
<div class="alternatives">
<p class="or">${login.or}</p>
${passkeyForm(view, {
  action: 'login-with-passkey',
  ceremony: { kind: 'get', options: passkey, freshFrom: '/sessions/passkey_options', isConditional: true },
  hidden: { return_to: returnTo },
  label: view.texts.passkeys.logIn,
  look: 'quiet',
})}<a class="button quiet" href="${hrefOf(view, '/login/code', returnTo)}">${login.codeInstead}</a>
</div>
${
  view.config.registration === 'open'
    ? html`<p class="links"><span>${login.noAccount} <a href="${hrefOf(view, '/register', returnTo)}">${login.register}</a></span></p>`
    : ''
}`
}

export function loginCodeContent(view: View, { email = '', returnTo, problems = NO_PROBLEMS }: LoginSide): Html {
  const { loginCode, login } = view.texts
  return html`<h1>${loginCode.title}</h1>
<p class="lead">${loginCode.about}</p>
${problem(problems.whole)}${form(
  view,
  { action: 'request-login-code', hidden: { return_to: returnTo } },
  html`${emailField(login.email, { email, problems })}
${submit(loginCode.button)}`,
)}
${backToLogin(view, returnTo)}`
}

/** Where the code is typed. What it says is the same for every address. */
export function enterCodeContent(view: View, { email = '', returnTo, problems = NO_PROBLEMS }: LoginSide): Html {
  const { loginCode } = view.texts
  return html`<h1>${loginCode.sentTitle}</h1>
<p class="lead">${loginCode.sent(email)}</p>
${keptMails(view)}${problem(problems.whole)}${form(
  view,
  { action: 'login-with-code', hidden: { email, return_to: returnTo } },
  html`${field({ name: 'code', label: loginCode.code, autocomplete: 'one-time-code', inputMode: 'text', problems, autofocus: true })}
${submit(loginCode.logIn)}`,
)}
${form(view, { action: 'request-login-code', hidden: { email, return_to: returnTo } }, submit(loginCode.again, 'quiet'))}
${backToLogin(view, returnTo)}`
}

export function registerContent(view: View, { email = '', returnTo, problems = NO_PROBLEMS }: LoginSide): Html {
  const { register } = view.texts
  const { config } = view
  const toLogin = html`<p class="links"><span>${register.haveAccount} <a href="${hrefOf(view, '/login', returnTo)}">${register.logIn}</a></span></p>`
  if (config.registration === 'closed')
    return html`<h1>${register.title}</h1>
<p class="problem">${register.closed}</p>
${toLogin}`
  return html`<h1>${register.title}</h1>
${problem(problems.whole)}${form(
  view,
  { action: 'register', hidden: { return_to: returnTo } },
  html`${emailField(register.email, { email, problems })}
${passwordField(view, { name: 'password', label: register.password, autocomplete: 'new-password', hint: register.minLength(config.password.minLength), problems })}
${submit(register.button)}`,
)}
${toLogin}`
}

/** One field and a button: whoever asks for a mail. */
export function askForMailContent(
  view: View,
  texts: { readonly title: string; readonly about: string; readonly email: string; readonly button: string },
  { action, email = '', returnTo, problems = NO_PROBLEMS, ...said }: LoginSide & { readonly action: string },
): Html {
  return html`<h1>${texts.title}</h1>
<p class="lead">${texts.about}</p>
${said.notice ? html`${notice(said.notice)}${keptMails(view)}` : ''}${problem(problems.whole)}${form(
  view,
  { action, hidden: { return_to: returnTo } },
  html`${emailField(texts.email, { email, problems })}
${submit(texts.button)}`,
)}
${backToLogin(view, returnTo)}`
}

function emailField(label: string, value: { readonly email: string; readonly problems: Problems; readonly webauthn?: true }): Html {
  const { email, problems, webauthn } = value
  return field({ name: 'email', label, type: 'email', autocomplete: webauthn ? 'username webauthn' : 'username', value: email, problems })
}

function backToLogin(view: View, returnTo: string | null): Html {
  return html`<p class="links"><a href="${hrefOf(view, '/login', returnTo)}">${view.texts.common.backToLogin}</a></p>`
}

/** In classic a person would wait for the mail in vain. */
function keptMails({ config, texts }: View): Html | string {
  if (config.posture !== 'classic' || config.mail.smtp !== null) return ''
  return html`<p class="note">${texts.keptMails.about} <a href="${config.publicUrl.pathPrefix}/dev/mailbox">${texts.keptMails.link}</a>.</p>
`
}

function hrefOf({ config }: View, path: string, returnTo: string | null): string {
  return withQuery(`${config.publicUrl.pathPrefix}${path}`, { return_to: returnTo })
}
