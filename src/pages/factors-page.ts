import { html } from 'hono/html'
import type { Factors } from '../factors/factors.ts'
import { hasSecondFactor } from '../factors/factors.ts'
import type { Html } from '../http/page.ts'
import type { Passkey } from '../passkeys/passkey.ts'
import type { SectionView } from './account-section.ts'
import { problemsOfForm, timeOf } from './account-section-page.ts'
import { field, form, problem, submit } from './field-page.ts'
import type { View } from './pages.ts'

/** CHECKLIST R147: from so few on, make new ones. */
const FEW_CODES = 3

type Shown = Pick<SectionView, 'view' | 'tried'>

/** A panel for each factor beside the password. */
export function factorPanels(shown: Shown, factors: Factors, passkeys: readonly Passkey[]): Html[] {
  return [passkeysPanel(shown, passkeys), appPanel(shown, factors), ...(hasSecondFactor(factors) ? [codesPanel(shown, factors)] : [])]
}

function passkeysPanel({ view, tried }: Shown, list: readonly Passkey[]): Html {
  const { passkeys } = view.texts
  const removal = problemsOfForm(view, tried, { action: 'remove-passkey', fields: [] })
  return html`<section class="panel" id="passkeys">
<h2>${passkeys.title}</h2>
<p class="note">${passkeys.about}</p>
${problem(removal.whole)}${list.length === 0 ? html`<p>${passkeys.none}</p>\n` : html`<ul class="rows">\n${list.map((one) => passkeyRow({ view, tried }, one))}</ul>\n`}${
  list.length === 1 ? html`<p class="note">${passkeys.one}</p>\n` : ''
}<a class="button" href="${view.config.publicUrl.pathPrefix}/account/security/passkey">${passkeys.add}</a>
</section>
`
}

function passkeyRow({ view, tried }: Shown, { id, name, isBackedUp, createdAt, lastUsedAt }: Passkey): Html {
  const { passkeys } = view.texts
  const isTried = tried?.fields.id === id
  const problems = problemsOfForm(view, isTried ? tried : null, { action: 'rename-passkey', fields: ['name'] })
  return html`<li>
<div>
<strong>${name}</strong>${isBackedUp ? html` <span class="tag">${passkeys.backedUp}</span>` : ''}
<p class="note">${passkeys.added} ${timeOf(view, createdAt, 'day')}<br>
${lastUsedAt === null ? passkeys.neverUsed : html`${passkeys.lastUsed} ${timeOf(view, lastUsedAt)}`}</p>
<details${problems.fields.name === undefined ? '' : html` open`}><summary aria-label="${passkeys.renameOf(name)}">${passkeys.rename}</summary>
<div>
${form(
  view,
  { action: 'rename-passkey', hidden: { id } },
  html`${field({
    name: 'name',
    id: `name-${id}`,
    label: passkeys.name,
    autocomplete: 'off',
    value: isTried ? (tried.fields.name ?? '') : name,
    hint: passkeys.nameHint,
    problems,
  })}
${submit(passkeys.save, 'quiet')}`,
)}</div>
</details>
</div>
${form(
  view,
  { action: 'remove-passkey', hidden: { id }, inline: true },
  html`<button type="submit" class="danger" aria-label="${passkeys.removeOf(name)}">${passkeys.remove}</button>`,
)}</li>
`
}

function appPanel({ view, tried }: Shown, { hasTotp }: Factors): Html {
  const { app } = view.texts
  const removal = problemsOfForm(view, tried, { action: 'remove-app', fields: [] })
  const setUp = `${view.config.publicUrl.pathPrefix}/account/security/app`
  return html`<section class="panel" id="app">
<h2>${app.title}</h2>
<p class="note">${app.about}</p>
${problem(removal.whole)}${
  hasTotp
    ? html`<div class="actions"><a class="button quiet" href="${setUp}">${app.replace}</a>
${form(view, { action: 'remove-app', inline: true }, submit(app.remove, 'danger'))}</div>`
    : html`<a class="button quiet" href="${setUp}">${app.add}</a>`
}
</section>
`
}

function codesPanel({ view, tried }: Shown, { recoveryCodes: left }: Factors): Html {
  const { recoveryCodes } = view.texts
  const problems = problemsOfForm(view, tried, { action: 'new-recovery-codes', fields: [] })
  const state = recoveryCodes.left(left)
  return html`<section class="panel" id="recovery-codes">
<h2>${recoveryCodes.title}</h2>
<p class="note">${recoveryCodes.about}</p>
${problem(problems.whole)}${left <= FEW_CODES ? html`<p class="problem">${state} ${recoveryCodes.few}</p>\n` : html`<p>${state}</p>\n`}${form(
  view,
  { action: 'new-recovery-codes', inline: true },
  html`${submit(recoveryCodes.make, 'quiet')} <span class="hint">${recoveryCodes.voids}</span>`,
)}</section>
`
}

/** Its button is our script's; what is to be said without one stands below. */
export function addPasskeyContent(view: View, content: Html, wrong: string | null): Html {
  const { passkeys } = view.texts
  return html`<h1>${passkeys.addTitle}</h1>
<p class="lead">${passkeys.addAbout}</p>
${problem(wrong)}${content}<p class="problem" data-without-passkeys data-unsupported="${passkeys.unsupported}">${passkeys.needsScript}</p>
`
}
