import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { SectionView } from './account-section.ts'
import { focusOf, problemsOfForm } from './account-section-page.ts'
import { field, form, problem, submit } from './field-page.ts'

/** Take one's data along, and go. */
export function dataContent({ view, session: { user }, tried }: Pick<SectionView, 'view' | 'session' | 'tried'>): Html {
  const { data, asksForProof } = view.texts.account
  const exporting = problemsOfForm(view, tried, { action: 'export', fields: [] })
  return html`<section class="panel">
<h2>${data.exportTitle}</h2>
<p>${data.exportText} ${asksForProof}</p>
${problem(exporting.whole)}${form(view, { action: 'export' }, html`<button type="submit" data-again>${data.export}</button>`)}</section>
<section class="panel">
<h2>${data.deleteTitle}</h2>
<p>${data.deleteText} ${asksForProof}</p>
${deleteForm({ view, tried, address: user.email })}</section>
`
}

function deleteForm({ view, tried, address }: Pick<SectionView, 'view' | 'tried'> & { readonly address: string }): Html {
  const { data } = view.texts.account
  const action = 'delete-account'
  const problems = problemsOfForm(view, tried, {
    action,
    fields: ['email'],
    own: ({ code }) => (code === 'field_invalid' ? { fields: { email: data.confirmWrong }, whole: null } : null),
  })
  return form(
    view,
    { action },
    html`${problem(problems.whole)}${field({
      name: 'email',
      label: data.confirm(address),
      // Not to be filled in by a browser: typing it is the confirmation.
      autocomplete: 'off',
      type: 'email',
      value: (tried?.action === action ? tried.fields.email : undefined) ?? '',
      problems,
      ...focusOf(problems, 'email'),
    })}${submit(data.delete, 'danger')}`,
  )
}
