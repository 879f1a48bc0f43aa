import { html } from 'hono/html'
import type { AuthError, ErrorCode } from '../errors.ts'
import type { Html } from '../http/page.ts'
import type { View } from './pages.ts'
import { sentenceOf } from './sentence.ts'

/** What a form says of a refusal: beside the fields it concerns, or above them all. */
export interface Problems {
  readonly fields: Readonly<Record<string, string>>
  readonly whole: string | null
}

export const NO_PROBLEMS: Problems = { fields: {}, whole: null }

/** A refusal as its form shows it: beside the field that it names, if the form has it; in the form's own words where it has some for the code. */
export function problemsOf(
  view: View,
  refusal: AuthError | null,
  fields: readonly string[],
  words: Partial<Record<ErrorCode, string>> = {},
): Problems {
  if (refusal === null) return NO_PROBLEMS
  const sentence = words[refusal.code] ?? sentenceOf(view.texts, view.config, refusal)
  const { field } = refusal.details
  return field !== undefined && fields.includes(field) ? { fields: { [field]: sentence }, whole: null } : { fields: {}, whole: sentence }
}

/** What is wrong with the whole form. It is read out, and gets the focus (browser.js). */
export function problem(sentence: string | null): Html | string {
  return sentence === null ? '' : html`<p class="problem" role="alert">${sentence}</p>\n`
}

/** What was done. */
export function notice(sentence: string | null): Html | string {
  return sentence === null ? '' : html`<p class="notice" role="status">${sentence}</p>\n`
}

/** A form that posts to `/forms/<action>`, with its token, and with values that go along unseen. */
export function form(
  view: View,
  { action, hidden = {}, inline = false }: { readonly action: string; readonly hidden?: Hidden; readonly inline?: boolean },
  content: Html,
): Html {
  const values = Object.entries(hidden).filter(([, value]) => value !== null)
  // The server says what is wrong, beside the field and in the page's language; browsers would say it in theirs, in a bubble.
  return html`<form method="post" action="${view.config.publicUrl.pathPrefix}/forms/${action}"${inline ? html` class="inline"` : ''} novalidate>
<input type="hidden" name="form_token" value="${view.formToken}">
${values.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`)}${content}
</form>
`
}

/** `null`: not sent. */
type Hidden = Readonly<Record<string, string | null>>

export interface Field {
  readonly name: string
  readonly label: string
  /** What browsers and password managers know the field by (HTML standard, "autofill"). */
  readonly autocomplete: string
  readonly type?: 'text' | 'email'
  readonly value?: string
  readonly problems?: Problems
  /** Under the field. */
  readonly hint?: string
  /** At the other end of the label's line. */
  readonly aside?: Html
  readonly inputMode?: 'text' | 'numeric'
  /** Where a page has two fields of one name. */
  readonly id?: string
  readonly optional?: true
  readonly autofocus?: true
}

/** A field with its label, and what is to be said of it beside it. */
export function field(one: Field): Html {
  const { id = one.name } = one
  return labelled(
    one,
    html`<input id="${id}" name="${one.name}" type="${one.type ?? 'text'}" value="${one.value ?? ''}" autocomplete="${one.autocomplete}"${one.inputMode ? html` inputmode="${one.inputMode}"` : ''}${one.autocomplete === 'one-time-code' ? html` class="code"` : ''}${one.type === 'email' || one.autocomplete === 'one-time-code' ? html` autocapitalize="none" spellcheck="false"` : ''}${states(one)}>`,
  )
}

export type PasswordField = Omit<Field, 'type' | 'value' | 'inputMode'> & { readonly autocomplete: 'current-password' | 'new-password' }

/** A password field with a switch that shows it. What was typed never comes back in a page. */
export function passwordField({ texts }: View, one: PasswordField): Html {
  const { id = one.name } = one
  const { showPassword, hidePassword } = texts.common
  return labelled(
    one,
    html`<div class="secret"><input id="${id}" name="${one.name}" type="password" autocomplete="${one.autocomplete}" autocapitalize="none" spellcheck="false"${states(one)}>
<button type="button" aria-controls="${id}" data-show="${showPassword}" data-hide="${hidePassword}" hidden>${showPassword}</button></div>`,
  )
}

/** The button that sends the form. */
export function submit(label: string, look: '' | 'quiet' | 'danger' | 'link' = ''): Html {
  return look === '' ? html`<button type="submit">${label}</button>` : html`<button type="submit" class="${look}">${label}</button>`
}

/** The form that ends the session. */
export function logOutForm(view: View): Html {
  return form(view, { action: 'logout', inline: true }, submit(view.texts.common.logOut, 'quiet'))
}

function labelled(one: Omit<Field, 'type'>, input: Html): Html {
  const { id = one.name } = one
  const error = one.problems?.fields[one.name]
  return html`<div class="field">
<div class="label"><label for="${id}">${one.label}</label>${one.aside ?? ''}</div>
${input}
${error !== undefined ? html`<p class="error" id="${id}-error">${error}</p>\n` : ''}${one.hint !== undefined ? html`<p class="hint" id="${id}-hint">${one.hint}</p>\n` : ''}</div>
`
}

function states(one: Omit<Field, 'type'>): Html {
  const { id = one.name } = one
  const hasError = one.problems?.fields[one.name] !== undefined
  const about = [hasError ? `${id}-error` : '', one.hint === undefined ? '' : `${id}-hint`].filter((text) => text !== '').join(' ')
  return html`${one.optional ? '' : html` required`}${hasError ? html` aria-invalid="true"` : ''}${about === '' ? '' : html` aria-describedby="${about}"`}${one.autofocus ? html` autofocus` : ''}`
}
