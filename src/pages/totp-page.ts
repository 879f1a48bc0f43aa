import { html, raw } from 'hono/html'
import type { Html } from '../http/page.ts'
import { field, form, type Problems, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'

type Hidden = Readonly<Record<string, string | null>>

interface SetUp {
  /** `null`: it was shown before, and is shown once. */
  readonly shown: { readonly secret: string; readonly uri: string; readonly picture: string } | null
  readonly problems: Problems
  /** The actions of the two forms, and what goes along with both. */
  readonly confirm: string
  readonly begin: string
  readonly hidden?: Hidden
}

/** The secret to scan or to type, and the field for the first code. */
export function totpSetUpContent(view: View, { shown, problems, confirm, begin, hidden = {} }: SetUp): Html {
  const { app } = view.texts
  return html`<h1>${app.setUpTitle}</h1>
${problem(problems.whole)}${shown === null ? '' : secret(view, shown)}${form(
  view,
  { action: confirm, hidden },
  html`${field({
    name: 'code',
    label: app.code,
    autocomplete: 'one-time-code',
    inputMode: 'numeric',
    hint: app.codeHint,
    problems,
    ...(shown === null && { autofocus: true }),
  })}
${submit(app.confirm)}`,
)}
${shown === null ? form(view, { action: begin, hidden }, submit(app.again, 'link')) : ''}`
}

function secret({ texts: { app } }: View, { secret, uri, picture }: NonNullable<SetUp['shown']>): Html {
  // The picture is made by our own code of a secret and two names that it encodes; nothing in it was typed.
  return html`<p>${app.scan}</p>
<a class="qr" href="${uri}" aria-label="${app.picture}">${raw(picture)}</a>
<p>${app.byHand}<br><code>${secret.replaceAll(/(.{4})/g, '$1 ').trim()}</code></p>
`
}

/** Before the secret is shown: a page that can be come back to. */
export function totpBeginContent(view: View, { begin, hidden = {} }: { readonly begin: string; readonly hidden?: Hidden }): Html {
  const { app } = view.texts
  return html`<h1>${app.setUpTitle}</h1>
<p class="lead">${app.about}</p>
<p>${app.beginAbout}</p>
${form(view, { action: begin, hidden }, submit(app.begin))}`
}
