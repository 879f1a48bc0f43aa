import { html } from 'hono/html'
import type { Config } from '../config.ts'
import { type Html, renderPage } from '../http/page.ts'
import { TEXTS } from './texts/texts.ts'

/** One page that a mail leads to: what it is about, what it asks for, and what its button does. */
export interface LinkPage {
  readonly title: string
  readonly text: string
  /** Where the form posts to, below `/forms/`. */
  readonly action: string
  /** What is asked for beside the token. */
  readonly password?: { readonly label: string; readonly autocomplete: 'current-password' | 'new-password' }
  readonly button: string
  /** A second button, for whoever did not ask for this. */
  readonly refusal?: { readonly action: string; readonly button: string }
}

/** The link's own GET changes nothing: mail scanners follow links (CHECKLIST R100). The button posts, and the token leaves the URL with it (R099). */
export function renderLinkPage(
  config: Config,
  page: LinkPage,
  values: { readonly token: string; readonly formToken: string; readonly problem: string | null },
): Promise<string> {
  const { pathPrefix } = config.publicUrl
  const hidden = html`<input type="hidden" name="form_token" value="${values.formToken}">
<input type="hidden" name="token" value="${values.token}">`
  const { password, refusal } = page
  return shell(
    config,
    page.title,
    html`<h1>${page.title}</h1>
<p class="lead">${page.text}</p>
${values.problem === null ? '' : html`<p class="problem" role="alert">${values.problem}</p>`}
<form method="post" action="${pathPrefix}/forms/${page.action}">
${hidden}
${
  password
    ? html`<p><label for="password">${password.label}</label>
<input id="password" name="password" type="password" autocomplete="${password.autocomplete}" required></p>`
    : ''
}
<p><button>${page.button}</button></p>
</form>
${
  refusal
    ? html`<form method="post" action="${pathPrefix}/forms/${refusal.action}">
${hidden}
<p><button class="quiet">${refusal.button}</button></p>
</form>`
    : ''
}`,
  )
}

/** What happened. */
export function renderOutcomePage(config: Config, outcome: { readonly title: string; readonly text: string }): Promise<string> {
  return shell(
    config,
    outcome.title,
    html`<h1>${outcome.title}</h1>
<p class="lead">${outcome.text}</p>`,
  )
}

function shell(config: Config, title: string, content: Html): Promise<string> {
  const { skipToContent } = TEXTS.en.common
  return renderPage(config, { title, content, layout: 'card', language: 'en', skipToContent, script: true })
}
