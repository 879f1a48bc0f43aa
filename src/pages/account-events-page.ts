import { html } from 'hono/html'
import type { LoggedEvent } from '../audit/audit-event.ts'
import type { Html } from '../http/page.ts'
import { browserText, timeOf } from './account-section-page.ts'
import { SECTION_PATHS } from './account-sections.ts'
import type { View } from './pages.ts'

/** What happened to the account, newest first. `olderThan`: the id that the next page begins after. */
export function eventsContent(
  view: View,
  shown: { readonly events: readonly LoggedEvent[]; readonly olderThan: string | null; readonly isFirst: boolean },
): Html {
  const { events } = view.texts.account
  return html`<p class="lead">${events.lead}</p>
<section class="panel">
${shown.events.length === 0 ? html`<p class="note">${events.none}</p>\n` : html`<ol class="rows">\n${shown.events.map((event) => row(view, event))}</ol>\n`}</section>
${shown.isFirst && shown.olderThan === null ? '' : pager(view, shown)}`
}

function row(view: View, event: LoggedEvent): Html {
  const { events } = view.texts.account
  const by = textOf(events.by, event.actor)
  const factors = event.factors.map((factor) => textOf(events.factors, factor) ?? factor)
  const origin = [
    ...(event.address === null ? [] : [events.from(event.address)]),
    ...(event.userAgent === null ? [] : [browserText(view, event.userAgent)]),
    ...(factors.length === 0 ? [] : [events.provedWith([...new Set(factors)].join(', '))]),
    ...(by === null ? [] : [by]),
  ]
  return html`<li>
<div>
<strong>${textOf(events.names, event.name) ?? event.name}</strong>${event.outcome === 'failure' ? html` <span class="tag">${events.failed}</span>` : ''}
<p class="note">${timeOf(view, event.at)}${
    origin.length === 0
      ? ''
      : html`<br>
${origin.join(' · ')}`
  }</p>
</div>
</li>
`
}

/** `null`: there are no words for it. */
function textOf(texts: Readonly<Record<string, string>>, name: string): string | null {
  return Object.hasOwn(texts, name) ? (texts[name] ?? null) : null
}

function pager({ config, texts }: View, { olderThan, isFirst }: { readonly olderThan: string | null; readonly isFirst: boolean }): Html {
  const { events } = texts.account
  const path = `${config.publicUrl.pathPrefix}${SECTION_PATHS.events}`
  return html`<nav class="actions" aria-label="${events.pages}">
${isFirst ? '' : html`<a class="button quiet" href="${path}">${events.newest}</a>\n`}${olderThan === null ? '' : html`<a class="button quiet" href="${path}?before=${olderThan}" rel="next">${events.older}</a>\n`}</nav>
`
}
