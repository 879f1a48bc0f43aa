import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { ListedSession } from '../sessions/session.ts'
import type { SectionView } from './account-section.ts'
import { browserText, endOthersForm, problemsOfForm, timeOf } from './account-section-page.ts'
import { form, logOutForm, problem } from './field-page.ts'
import type { View } from './pages.ts'

/** Where one is logged in, this browser first. */
export function sessionsContent(
  { view, session: current, tried }: Pick<SectionView, 'view' | 'session' | 'tried'>,
  sessions: readonly ListedSession[],
): Html {
  const { texts } = view
  const others = sessions.filter(({ id }) => id !== current.id)
  const mine = sessions.filter(({ id }) => id === current.id)
  const { whole } = problemsOfForm(view, tried, { action: tried?.action ?? '', fields: [] })
  return html`<p class="lead">${texts.account.sessions.lead}</p>
${problem(whole)}<section class="panel">
<ul class="rows">
${mine.map((one) => row(view, one, true))}${others.map((one) => row(view, one, false))}</ul>
${others.length === 0 ? html`<p class="note">${texts.account.sessions.noOthers}</p>\n` : endOthersForm(view)}</section>
`
}

function row(view: View, one: ListedSession, isCurrent: boolean): Html {
  const { sessions } = view.texts.account
  const browser = browserText(view, one.userAgent)
  return html`<li>
<div>
<strong>${browser}</strong>${isCurrent ? html` <span class="tag">${sessions.current}</span>` : ''}
<p class="note">${sessions.address(one.address ?? sessions.unknownAddress)}<br>
${sessions.began} ${timeOf(view, one.createdAt)}<br>
${sessions.lastSeen} ${timeOf(view, one.lastSeenAt)}</p>
</div>
${isCurrent ? logOutForm(view) : endForm(view, one.id, browser)}</li>
`
}

/** Its label is that of many others; whoever hears it hears of which browser. */
function endForm(view: View, id: string, browser: string): Html {
  const { sessions } = view.texts.account
  const button = html`<button type="submit" class="quiet" aria-label="${sessions.endOf(browser)}">${sessions.end}</button>`
  return form(view, { action: 'end-session', hidden: { id }, inline: true }, button)
}
