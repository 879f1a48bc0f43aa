import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import { form, type PasswordField, type Problems, passwordField, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'

/** One page that a mail leads to: what it is about, what it asks for, and what its button does. */
export interface LinkPage {
  readonly title: string
  readonly text: string
  /** What is asked for beside the token. */
  readonly password?: Pick<PasswordField, 'label' | 'autocomplete' | 'hint'>
  readonly button: string
  /** A second button, for whoever did not ask for this. */
  readonly refusal?: { readonly action: string; readonly button: string }
}

/** The link's own GET changes nothing: mail scanners follow links (CHECKLIST R100). The button posts, and the token leaves the URL with it (R099). */
export function linkContent(
  view: View,
  { password, refusal, ...page }: LinkPage,
  { action, token, problems }: { readonly action: string; readonly token: string; readonly problems: Problems },
): Html {
  return html`<h1>${page.title}</h1>
<p class="lead">${page.text}</p>
${problem(problems.whole)}${form(
  view,
  { action, hidden: { token } },
  html`${password ? passwordField(view, { name: 'password', ...password, problems }) : ''}
${submit(page.button)}`,
)}
${refusal ? form(view, { action: refusal.action, hidden: { token } }, submit(refusal.button, 'quiet')) : ''}`
}

/** What happened, and where to go from there. */
export function outcomeContent(
  { config, texts }: View,
  outcome: { readonly title: string; readonly text: string; readonly toLogin: boolean },
): Html {
  return html`<h1>${outcome.title}</h1>
<p class="lead">${outcome.text}</p>
${outcome.toLogin ? html`<a class="button" href="${config.publicUrl.pathPrefix}/login">${texts.links.logIn}</a>` : ''}`
}
