import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { View } from './pages.ts'

export interface PasskeyForm {
  readonly action: string
  readonly ceremony:
    | {
        readonly kind: 'get'
        /** In the page, so that nothing has to be asked for; good for five minutes. */
        readonly options: object
        /** Where fresh ones come from, and with which ticket. */
        readonly freshFrom: string
        readonly ticket?: string
        /** The browser may offer passkeys in the address field, too. */
        readonly isConditional?: true
      }
    | { readonly kind: 'create'; readonly freshFrom: string; readonly ticket?: string }
  readonly hidden?: Readonly<Record<string, string | null>>
  /** Above the button. */
  readonly fields?: Html
  readonly label: string
  readonly look?: 'quiet'
}

/**
 * A form that our script sends, with what the browser made of a passkey (pages.js). It stays hidden where there is no script or the browser knows no passkeys. Its answer is a
 * page, like that of any other form.
 */
export function passkeyForm(view: View, { action, ceremony, hidden = {}, fields, label, look }: PasskeyForm): Html {
  const { pathPrefix } = view.config.publicUrl
  const values = Object.entries({ ...hidden, ...(ceremony.ticket !== undefined && { ticket: ceremony.ticket }) })
  const body = JSON.stringify(ceremony.ticket === undefined ? {} : { ticket: ceremony.ticket })
  const options = ceremony.kind === 'get' ? html` data-options="${JSON.stringify(ceremony.options)}"` : ''
  const conditional = ceremony.kind === 'get' && ceremony.isConditional ? html` data-conditional` : ''
  return html`<form method="post" action="${pathPrefix}/forms/${action}" data-passkey="${ceremony.kind}" data-fresh="${pathPrefix}${ceremony.freshFrom}" data-body="${body}"${options}${conditional} novalidate hidden>
<input type="hidden" name="form_token" value="${view.formToken}">
<input type="hidden" name="passkey" value="">
${values.map(([name, value]) => (value === null ? '' : html`<input type="hidden" name="${name}" value="${value}">\n`))}<p class="problem" role="alert" hidden>${view.texts.passkeys.cancelled}</p>
${fields ?? ''}<button type="submit"${look ? html` class="${look}"` : ''}>${label}</button>
</form>
`
}
