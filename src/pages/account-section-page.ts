import { html } from 'hono/html'
import type { AccountNav, Html } from '../http/page.ts'
import { type DoneWord, SECTION_PATHS, type SectionName, type Tried } from './account-sections.ts'
import { browserNameOf } from './browser-name.ts'
import { dateText } from './date-text.ts'
import { form, logOutForm, NO_PROBLEMS, notice, type Problems, problemsOf, submit } from './field-page.ts'
import type { View } from './pages.ts'

export function accountNav(view: View, current: SectionName): AccountNav {
  const { account } = view.texts
  // The names are those of SECTION_PATHS; Object.entries forgets it.
  const names = Object.keys(SECTION_PATHS) as SectionName[]
  const items = names.map((name) => ({ href: SECTION_PATHS[name], label: account.nav[name], current: name === current }))
  return { label: account.sections, items, logOut: logOutForm(view) }
}

export function sectionContent(
  view: View,
  { name, done, content }: { readonly name: SectionName; readonly done: DoneWord | null; readonly content: Html },
): Html {
  const { texts } = view
  return html`<h1>${texts.account.nav[name]}</h1>
${notice(done && texts.account.done[done])}${done !== null && OFFERS_THE_END_OF_OTHERS.has(done) ? endOthersForm(view) : ''}${content}`
}

/** After a change of factors (CHECKLIST R069): whoever else is logged in began with less, or with what is gone. */
const OFFERS_THE_END_OF_OTHERS: ReadonlySet<string> = new Set<DoneWord>(['passkey_added', 'passkey_removed', 'app_removed', 'app_added'])

export function endOthersForm(view: View): Html {
  return form(view, { action: 'end-other-sessions' }, submit(view.texts.account.sessions.endOthers, 'danger'))
}

/** What is wrong with this form, if it is the one that was sent; `own` are the sentences that only this form has, by field. */
export function problemsOfForm(
  view: View,
  tried: Tried | null,
  form: { readonly action: string; readonly fields: readonly string[]; readonly own?: (refusal: Tried['refusal']) => Problems | null },
): Problems {
  if (tried?.action !== form.action) return NO_PROBLEMS
  return form.own?.(tried.refusal) ?? problemsOf(view, tried.refusal, form.fields)
}

/** For a field that cannot be used: without scripts it gets the focus all the same. */
export function focusOf(problems: Problems, name: string): { readonly autofocus?: true } {
  return Object.keys(problems.fields)[0] === name ? { autofocus: true } : {}
}

export function timeOf({ language }: View, at: Date, precision: 'day' | 'minute' = 'minute'): Html {
  return html`<time datetime="${at.toISOString()}">${dateText(language, at, precision)}</time>`
}

/** A browser as its owner would call it. Nothing of the header itself is shown. */
export function browserText({ texts }: View, userAgent: string | null): string {
  const { browser, system } = browserNameOf(userAgent)
  const { sessions } = texts.account
  if (browser !== null) return system === null ? browser : sessions.browserOn(browser, system)
  return system === null ? sessions.unknownBrowser : sessions.unknownBrowserOn(system)
}
