import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { SectionView } from './account-section.ts'
import { focusOf, problemsOfForm, timeOf } from './account-section-page.ts'
import { form, type Problems, passwordField, problem, submit } from './field-page.ts'

/** What one logs in with: the password, and below it a panel for each other factor. */
export function securityContent(section: Pick<SectionView, 'view' | 'session' | 'tried'>, otherFactors: readonly Html[]): Html {
  const { security } = section.view.texts.account
  return html`<section class="panel">
<h2>${security.passwordTitle}</h2>
${section.session.user.hasPassword ? passwordForm(section) : noPassword(section)}</section>
${otherFactors}`
}

function passwordForm({ view, session: { user }, tried }: Pick<SectionView, 'view' | 'session' | 'tried'>): Html {
  const { security } = view.texts.account
  const wrong: Problems = { fields: { current_password: view.texts.errors.password_wrong }, whole: null }
  const problems = problemsOfForm(view, tried, {
    action: 'change-password',
    fields: ['current_password', 'new_password'],
    own: ({ code }) => (code === 'password_wrong' ? wrong : null),
  })
  const { minLength } = view.config.password
  return html`${
    user.passwordChangedAt === null ? '' : html`<p class="note">${security.changedAt} ${timeOf(view, user.passwordChangedAt, 'day')}</p>\n`
  }${form(
    view,
    { action: 'change-password' },
    // Not sent, having no name: password managers learn from it whose password it is.
    html`${problem(problems.whole)}<input type="email" value="${user.email}" autocomplete="username" readonly hidden>
${passwordField(view, {
  name: 'current_password',
  label: security.current,
  autocomplete: 'current-password',
  problems,
  ...focusOf(problems, 'current_password'),
})}${passwordField(view, {
  name: 'new_password',
  label: security.next,
  autocomplete: 'new-password',
  problems,
  hint: `${minLength > 1 ? `${security.minLength(minLength)} ` : ''}${security.othersEnd}`,
  ...focusOf(problems, 'new_password'),
})}${submit(security.change)}`,
  )}`
}

function noPassword({ view }: Pick<SectionView, 'view'>): Html {
  const { security } = view.texts.account
  return html`<p>${security.none}</p>
<p><a href="${view.config.publicUrl.pathPrefix}/reset">${security.choose}</a></p>
`
}
