import { html } from 'hono/html'
import type { Html } from '../http/page.ts'
import type { KeptMail } from '../mail/mail.ts'
import type { PublicUrl } from '../setting-parsers.ts'
import type { View } from './pages.ts'

/** What classic would have sent. The HTML parts are shown as source: nothing in them is ever run here. */
export function mailboxContent({ config, texts }: View, mails: readonly KeptMail[]): Html {
  const { mailbox } = texts
  return html`<h1>${mailbox.title}</h1>
<p class="lead">${mailbox.about(config.name)}</p>
${
  mails.length === 0
    ? html`<p>${mailbox.empty}</p>`
    : mails.map(
        ({ id, kind, to, subject, text, html: source, createdAt }) => html`<section id="${id}">
<h2>${subject}</h2>
<p class="note">${mailbox.to(to, createdAt.toISOString())} <code>${kind}</code></p>
<pre><code>${withLinks(text, config.publicUrl)}</code></pre>
<details><summary>${mailbox.htmlPart}</summary><pre><code>${source}</code></pre></details>
</section>
`,
      )
}`
}

/** Links to this service, which people follow from here, can be followed; whatever else stands in a mail is text. */
function withLinks(text: string, { origin, pathPrefix }: PublicUrl): (Html | string)[] {
  const base = `${origin}${pathPrefix}/`
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part) => (part.startsWith(base) ? html`<a href="${part}">${part}</a>` : part))
}
