import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import { parseEmailAddress } from '../users/email-address.ts'
import type { User } from '../users/user.ts'
import type { SectionView } from './account-section.ts'
import { focusOf, problemsOfForm, timeOf } from './account-section-page.ts'
import type { Tried } from './account-sections.ts'
import { field, form, type Problems, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'

export function profileContent({ view, session: { user }, tried }: Pick<SectionView, 'view' | 'session' | 'tried'>): Html {
  const { profile } = view.texts.account
  return html`<section class="panel">
<dl>
<dt>${profile.address}</dt>
<dd>${user.email} <span class="tag">${user.emailVerified ? profile.verified : profile.unverified}</span>${verifyLink(view, user)}</dd>
<dt>${profile.memberSince}</dt>
<dd>${timeOf(view, user.createdAt, 'day')}</dd>
</dl>
</section>
${nameForm(view, user, tried)}${addressForm(view, user, tried)}`
}

function verifyLink({ config, texts }: View, { emailVerified }: User): Html | string {
  if (emailVerified) return ''
  return html`<br>
<a href="${config.publicUrl.pathPrefix}/verify">${texts.account.profile.verify}</a>`
}

function nameForm(view: View, user: User, tried: Tried | null): Html {
  const { profile } = view.texts.account
  const invalid: Problems = { fields: { name: profile.nameInvalid }, whole: null }
  const own = ({ code }: Tried['refusal']) => (code === 'field_invalid' ? invalid : null)
  const problems = problemsOfForm(view, tried, { action: 'change-name', fields: ['name'], own })
  const value = (tried?.action === 'change-name' ? tried.fields.name : user.name) ?? ''
  return html`<section class="panel">
<h2>${profile.nameTitle}</h2>
${form(
  view,
  { action: 'change-name' },
  html`${problem(problems.whole)}${field({
    name: 'name',
    label: profile.name,
    autocomplete: 'name',
    value,
    problems,
    hint: profile.nameHint,
    optional: true,
    ...focusOf(problems, 'name'),
  })}${submit(profile.save)}`,
)}</section>
`
}

function addressForm(view: View, user: User, tried: Tried | null): Html {
  const { profile, asksForProof } = view.texts.account
  const typed = tried?.action === 'change-address' ? (tried.fields.email ?? '') : ''
  const isSame = parseEmailAddress(typed)?.address === user.email
  const same: Problems = { fields: { email: profile.addressSame }, whole: null }
  const own = ({ code }: Tried['refusal']) => (code === 'field_invalid' && isSame ? same : null)
  const problems = problemsOfForm(view, tried, { action: 'change-address', fields: ['email'], own })
  return html`<section class="panel">
<h2>${profile.addressTitle}</h2>
${form(
  view,
  { action: 'change-address' },
  html`${problem(problems.whole)}${field({
    name: 'email',
    label: profile.newAddress,
    autocomplete: 'email',
    type: 'email',
    value: typed,
    problems,
    hint: `${profile.addressHint} ${asksForProof}`,
    ...focusOf(problems, 'email'),
  })}${submit(profile.requestAddress)}`,
)}</section>
`
}
